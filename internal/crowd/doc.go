// Package crowd holds campaigns of many clients at once against the built server, with
// the configuration that the project ships: slow and stuck ones in thousands, a flood
// from one address, large messages from all sides, and hours of mail with a tenth of it
// hostile. Beside each, honest senders report, and must get through in time.
//
// There are tests only. They come in two sizes:
//
//	go test ./internal/crowd                                             # under a minute, in CI
//	go test ./internal/crowd -run '^TestSlow$' -timeout 1h -args -deep   # minutes
//	go test ./internal/crowd -run '^TestLarge$' -timeout 1h -args -deep  # minutes
//	go test ./internal/crowd -run '^TestSoak$' -timeout 1h -args -deep   # half an hour
//
// The short form has fewer clients and shorter limits, and asserts counts; the deep
// form asserts times and memory, too, and writes them to docs/runs. All of it is on
// loopback, where each address of 127.0.0.0/8 is a client of its own.
package crowd
