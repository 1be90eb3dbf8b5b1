package command

import (
	"os"
	"runtime/debug"
)

// What the server lets the garbage collector take. A message leaves some 100 KB
// behind and nearly nothing lives on, so that a collector in its default setting runs
// after every 40 of them; it may as well wait until there are some 50 MiB to collect.
// Towards softMemory it runs as often as is needed to stay below.
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
