package command

import (
	"bytes"
	"regexp"
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	var stdout bytes.Buffer
	if code := Run(t.Context(), []string{"version"}, nil, &stdout, nil); code != exitOK {
		t.Fatalf("got exit code %d", code)
	}
	if !regexp.MustCompile(`^reportmx \S.* go1\.\S+ \w+/\w+\n$`).MatchString(stdout.String()) {
		t.Errorf("got %q", stdout.String())
	}
}

func TestBuild(t *testing.T) {
	vcs := func(revision, modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "-trimpath", Value: "true"}, {Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
	}
	tests := map[string]struct {
		info *debug.BuildInfo
		want string
	}{
		"tag":          {&debug.BuildInfo{Main: debug.Module{Version: "v1.2.0"}, Settings: vcs("0f68413", "false")}, "v1.2.0 (commit 0f68413)"},
		"between tags": {&debug.BuildInfo{Main: debug.Module{Version: "v1.2.1-0.20261121"}, Settings: vcs("0f68413", "true")}, "v1.2.1-0.20261121 (commit 0f68413, modified)"},
		"no checkout":  {&debug.BuildInfo{Main: debug.Module{Version: "v1.2.0"}}, "v1.2.0"},
		"go run":       {&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}}, "devel"},
		"no tag":       {&debug.BuildInfo{Settings: vcs("0f68413", "false")}, "devel (commit 0f68413)"},
		"no Go tool":   {nil, "unknown"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := buildOf(test.info, test.info != nil).String(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
