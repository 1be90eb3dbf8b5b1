// Package faults holds campaigns that break the running server, and its disk, on
// purpose: kill -9, power cuts, torn writes, I/O errors, a full disk, a damaged
// file. The oracle is always the same: what was answered with 250 is in the store,
// once, with the content that was sent. Mutants, the program with a seeded bug,
// show that each campaign can find what it looks for.
//
// There are tests only. They come in two sizes:
//
//	go test ./internal/faults                                  # minutes, in CI
//	go test ./internal/faults -timeout 3h -args -deep          # before a release
//
// The deep form writes what it did and found to docs/runs/faults-NAME.txt. Power
// cuts and full disks need root and loop devices, traces and I/O errors need strace;
// in CI their lack is a failure, elsewhere the test says so and shows nothing.
package faults
