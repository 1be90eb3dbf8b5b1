package command

import (
	"encoding/json"
	"io"
)

// printJSON writes one value, indented, for people and scripts alike.
func printJSON(w io.Writer, v any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(v)
}
