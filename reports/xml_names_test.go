package reports

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"
)

// TestNamesOfReaders holds that each name which a reader of aggregate reports asks for is
// one of schemaNames: another would never come.
func TestNamesOfReaders(t *testing.T) {
	files, err := filepath.Glob("aggregate_read*.go")
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			clause, ok := n.(*ast.CaseClause)
			if !ok {
				return true
			}
			for _, e := range clause.List {
				if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					name, err := strconv.Unquote(literal.Value)
					if names++; err != nil || schemaName([]byte(name)) != name {
						t.Errorf("%s: %s is not in schemaNames (%v)", path, literal.Value, err)
					}
				}
			}
			return true
		})
	}
	if names < 40 {
		t.Errorf("got %d names, want those of all readers", names)
	}
	for _, name := range []string{"", "feedbac", "Feedback", "records"} {
		if got := schemaName([]byte(name)); got != "" {
			t.Errorf("%q: got %q, want nothing", name, got)
		}
	}
}
