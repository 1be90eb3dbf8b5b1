package command

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func (e *env) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "say which version this is, and of which commit",
		Args:  wrongUsage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			b := buildOf(debug.ReadBuildInfo())
			_, err := fmt.Fprintf(e.stdout, "reportmx %s %s %s/%s\n", b, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}

// build is what the Go tool wrote into the binary.
type build struct {
	version  string // a tag, or made of the commit; "devel" for go run and tests
	commit   string // "" when it was built outside of a checkout
	modified bool   // since that commit
}

func buildOf(info *debug.BuildInfo, ok bool) build {
	if !ok {
		return build{version: "unknown"}
	}
	b := build{version: info.Main.Version}
	if b.version == "" || b.version == "(devel)" {
		b.version = "devel"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.commit = s.Value
		case "vcs.modified":
			b.modified = s.Value == "true"
		}
	}
	return b
}

// String reads: v1.2.0 (commit 0f68413…, modified)
func (b build) String() string {
	switch {
	case b.commit == "":
		return b.version
	case b.modified:
		return b.version + " (commit " + b.commit + ", modified)"
	}
	return b.version + " (commit " + b.commit + ")"
}

// buildVersion is the version in one word: where there is no tag, the commit.
func buildVersion() string {
	b := buildOf(debug.ReadBuildInfo())
	if b.version == "devel" && b.commit != "" {
		return b.commit
	}
	return b.version
}
