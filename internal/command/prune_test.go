package command

import (
	"bytes"
	"strings"
	"testing"
)

// TestPruneOfNoTarget: a variable of a script that is not set is not all targets.
func TestPruneOfNoTarget(t *testing.T) {
	for _, target := range []string{"", "."} {
		var stderr bytes.Buffer
		args := []string{"prune", "--target", target, "--before", "1d", "--yes"}
		if code := Run(t.Context(), args, nil, nil, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "is no domain") {
			t.Errorf("--target %q: got exit code %d (%s), want %d", target, code, stderr.String(), exitUsage)
		}
	}
}
