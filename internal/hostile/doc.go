// Package hostile sends what strangers may send: families of messages that are made
// to cost much, to break a reader, or to reach the screen and the spreadsheet of
// whoever looks at the reports. The built server takes them in its default
// configuration, from many sessions at once, in a memory cgroup of 256 MiB. It must
// answer each within a bound, stay alive, spend at most a second of CPU on each, take
// honest reports afterwards, and export nothing that is not plain data.
//
// There are tests only. They come in two sizes:
//
//	go test ./internal/hostile                                         # a minute, in CI
//	go test ./internal/hostile -timeout 3h -args -deep                 # before a release
//	go test ./internal/hostile -args -seed 7 -only 1234                # one input of a run again
//
// Each family has a form at its worst, with the outcome that it must have, and smaller
// ones by a seed; mutants change bytes and structure in the document, in the archive
// around it or in the mail, of the families and of honest reports alike. The deep form
// writes what it did and found to docs/runs/hostile.txt. The cgroup needs root and the
// v1 memory controller; in CI its lack is a failure, elsewhere the test says so and
// looks at the resident set instead.
package hostile
