package command

import (
	"os"
	"runtime/debug"
)

// What the server, or a command that reads the store itself, lets the garbage collector
// take. A message leaves some 30 KB behind, an exported report 700 bytes, and nearly
// nothing lives on, so that a collector in its default setting runs all the time; it may
// as well wait until there are some 16 MiB to collect. Towards softMemory it runs as often
// as is needed to stay below.
const (
	collectAt  = 400       // percent of what lives, as GOGC
	softMemory = 112 << 20 // bytes, as GOMEMLIMIT
)

// tuneMemory sets the garbage collector, unless the environment does.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(softMemory)
	}
}
