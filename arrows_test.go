package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "reportmx"

// arrows are the imports of our own that each room may have. A room that is not
// listed may not exist.
var arrows = map[string][]string{
	".": {"internal/command"},
	"internal/command": {
		"internal/config", "internal/control", "internal/enrich", "internal/intake", "internal/mailauth", "internal/dmarcdns",
		"export", "storage", "storage/bolt", "reports", "smtpd",
	},
	"internal/enrich":           {"export", "storage", "reports", "internal/dmarcdns"},
	"internal/intake":           {"smtpd", "reports", "internal/mailauth", "internal/dmarcdns", "storage"},
	"internal/control":          {"storage", "export", "reports"},
	"internal/mailauth":         {"internal/dmarcdns"},
	"internal/config":           {"reports"},
	"export":                    {"storage", "reports"},
	"storage/bolt":              {"storage", "reports"},
	"storage/storagetest":       {"storage", "reports"},
	"storage":                   {"reports"},
	"reports":                   {},
	"smtpd":                     {},
	"internal/dmarcdns":         {},
	"internal/dmarcdns/dnstest": {},
	"internal/peers":            {},
	"bench": {
		"internal/config", "internal/intake", "internal/mailauth", "internal/dmarcdns",
		"storage", "storage/bolt", "reports", "smtpd", "export",
	},
	"internal/faults":  {},
	"internal/hostile": {},
	"internal/crowd":   {},
}

func TestArrows(t *testing.T) {
	for file, code := range sources(t) {
		for _, fault := range slices.Concat(importFaults(file, code), bodyFaults(file, code)) {
			t.Error(fault)
		}
	}
}

// TestArrowsFindFaults: the test above can fail.
func TestArrowsFindFaults(t *testing.T) {
	tests := map[string]struct {
		file, code string
		want       []string
	}{
		"down":      {"storage/bolt/a.go", `import "reportmx/storage"`, nil},
		"a library": {"reports/a.go", `import "golang.org/x/text/encoding"`, nil},
		"up": {"reports/a.go", `import "reportmx/storage"`, []string{
			`reports/a.go imports reportmx/storage, but reports may import nothing of ours`,
		}},
		"sideways": {"smtpd/a.go", `import r "reportmx/reports"`, []string{
			`smtpd/a.go imports reportmx/reports, but smtpd may import nothing of ours`,
		}},
		"past the engine's door": {"export/a.go", `import "reportmx/storage/bolt"`, []string{
			`export/a.go imports reportmx/storage/bolt, but export may import only storage, reports`,
		}},
		"a new room": {"util/a.go", ``, []string{
			`util/a.go is in a room without arrows: add util to arrows_test.go and CONTRIBUTING.md`,
		}},
		"init":     {"smtpd/a.go", `func init() {}`, []string{`smtpd/a.go has a function init: nothing registers itself`}},
		"a method": {"smtpd/a.go", `type t struct{}; func (t) init() {}`, nil},
		"exit": {"smtpd/a.go", `import "os"; func f() { os.Exit(1) }`, []string{
			`smtpd/a.go calls os.Exit: only main.go ends the process`,
		}},
		"fatal": {"smtpd/a.go", `import "log"; func f() { log.Fatalf("x") }`, []string{
			`smtpd/a.go calls log.Fatalf: only main.go ends the process`,
		}},
		"main": {"main.go", `import "os"; func main() { os.Exit(1) }`, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, err := parser.ParseFile(token.NewFileSet(), test.file, "package x; "+test.code, 0)
			if err != nil {
				t.Fatal(err)
			}
			got := slices.Concat(importFaults(test.file, code), bodyFaults(test.file, code))
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// sources gives the code of the module without its tests, by path.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	files := make(map[string]*ast.File)
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if entry.IsDir() && name != "." && (base == "testdata" || strings.HasPrefix(base, ".")) {
			return fs.SkipDir
		}
		if entry.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		files[name], err = parser.ParseFile(token.NewFileSet(), name, nil, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func importFaults(file string, code *ast.File) []string {
	room := path.Dir(file)
	allowed, known := arrows[room]
	if !known {
		return []string{fmt.Sprintf("%s is in a room without arrows: add %s to arrows_test.go and CONTRIBUTING.md", file, room)}
	}
	rule := "only " + strings.Join(allowed, ", ")
	if len(allowed) == 0 {
		rule = "nothing of ours"
	}
	var faults []string
	for _, spec := range code.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return append(faults, fmt.Sprintf("%s: import %s: %v", file, spec.Path.Value, err))
		}
		below, ours := strings.CutPrefix(imported, module+"/")
		if ours && !slices.Contains(allowed, below) {
			faults = append(faults, fmt.Sprintf("%s imports %s, but %s may import %s", file, imported, room, rule))
		}
	}
	return faults
}

// bodyFaults finds functions that run by themselves, and calls that end the process
// past every deferred function.
func bodyFaults(file string, code *ast.File) []string {
	var faults []string
	ast.Inspect(code, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil {
				faults = append(faults, file+" has a function init: nothing registers itself")
			}
		case *ast.SelectorExpr:
			of, _ := n.X.(*ast.Ident)
			if of == nil || path.Base(file) == "main.go" {
				return true
			}
			call := of.Name + "." + n.Sel.Name
			if call == "os.Exit" || strings.HasPrefix(call, "log.Fatal") {
				faults = append(faults, fmt.Sprintf("%s calls %s: only main.go ends the process", file, call))
			}
		}
		return true
	})
	return faults
}
