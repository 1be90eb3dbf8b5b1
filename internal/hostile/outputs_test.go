package hostile

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// output is one way in which the program gives out what it has.
type output struct {
	read func(io.Reader) (n int, err error) // lines, rows or objects
	args []string
}

// outputs are all of them.
func outputs() []output {
	var list []output
	add := func(read func(io.Reader) (int, error), args ...string) { list = append(list, output{read, args}) }
	for _, kind := range []string{"aggregate", "failure", "tls"} {
		add(readCSV, "export", kind, "--format", "csv")
		add(readCSV, "export", kind, "--format", "parsedmarc-csv")
		add(readJSON, "export", kind, "--format", "json")
		add(readJSON, "export", kind, "--format", "parsedmarc-json")
		add(readLines, "export", kind, "--format", "ndjson")
		add(readLines, "export", kind, "--format", "ndjson", "--flat")
	}
	for _, by := range []string{"target", "source", "org", "day"} {
		add(readText, "summary", "--all", "--by", by)
		add(readCSV, "summary", "--all", "--by", by, "--format", "csv")
		add(readJSON, "summary", "--all", "--by", by, "--format", "json")
	}
	add(readText, "held", "list")
	add(readLines, "held", "list", "--json")
	add(readText, "status")
	add(readJSON, "status", "--json")
	return list
}

// checkOutputs runs all of them while the server runs.
func (s *server) checkOutputs(t *testing.T) []string {
	var figures []string
	for _, o := range outputs() {
		n := 0
		err := s.command(func(r io.Reader) (err error) {
			n, err = o.read(plain{r})
			return err
		}, o.args...)
		what := strings.Join(o.args, " ")
		if err != nil {
			t.Errorf("%s: behind %d good ones: %v", what, n, err)
		}
		figures = append(figures, fmt.Sprintf("  %7d  %s", n, what))
	}
	return []string{"outputs, each read to its end: plain text, no formulas, valid CSV and JSON, of so many rows, lines or objects\n" + strings.Join(figures, "\n")}
}

// plain passes on what a terminal may show, and fails at a control character.
type plain struct{ r io.Reader }

func (p plain) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	for _, c := range b[:n] {
		if c < ' ' && c != '\n' && c != '\r' || c == 0x7f {
			return n, fmt.Errorf("a raw byte %#x", c)
		}
	}
	return n, err
}

// harmless finds characters that people do not see, or see in another order.
func harmless(line string) error {
	if !utf8.ValidString(line) {
		return fmt.Errorf("no UTF-8: %.200q", line)
	}
	for _, r := range line {
		if r != '\r' && r != '\n' && !strconv.IsGraphic(r) {
			return fmt.Errorf("%U in %.200q", r, line)
		}
	}
	return nil
}

func readText(r io.Reader) (n int, err error) {
	return eachLine(r, harmless)
}

func readLines(r io.Reader) (n int, err error) {
	return eachLine(r, func(line string) error {
		var value map[string]any
		if err := json.Unmarshal([]byte(line), &value); err != nil {
			return fmt.Errorf("no JSON: %w: %.200q", err, line)
		}
		return harmless(line)
	})
}

func eachLine(r io.Reader, check func(string) error) (n int, err error) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF && line == "" {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("a line without its end: %w", err)
		}
		if err := check(strings.TrimSuffix(line, "\n")); err != nil {
			return n, err
		}
		n++
	}
}

// readJSON reads one value, and counts the objects directly in it.
func readJSON(r io.Reader) (n int, err error) {
	d := json.NewDecoder(r)
	for depth := 0; ; {
		token, err := d.Token()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		switch v := token.(type) {
		case json.Delim:
			if v == '{' && depth == 1 {
				n++
			}
			depth += map[json.Delim]int{'{': 1, '[': 1, '}': -1, ']': -1}[v]
		case string:
			if !utf8.ValidString(v) {
				return n, fmt.Errorf("no UTF-8: %.200q", v)
			}
		}
	}
}

// readCSV reads all rows: each as long as the first, no cell a formula.
func readCSV(r io.Reader) (n int, err error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	for ; ; n++ {
		row, err := in.Read()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		for i, cell := range row {
			if err := harmless(cell); err != nil {
				return n, fmt.Errorf("cell %d: %w", i, err)
			}
			if formula(cell) {
				return n, fmt.Errorf("cell %d would run: %.200q", i, cell)
			}
		}
	}
}

// formula tells whether a spreadsheet would run a cell, or a piece of one that it may
// split: numbers are none.
func formula(cell string) bool {
	for piece := range strings.SplitSeq(cell, ";") {
		if _, err := strconv.ParseFloat(piece, 64); err == nil || piece == "-" {
			continue
		}
		if strings.ContainsAny(firstLetter(piece), "=+-@＝＋－＠") {
			return true
		}
	}
	return false
}

func firstLetter(text string) string {
	text = strings.TrimLeft(text, " \t\u3000\u00a0")
	if text == "" {
		return " "
	}
	_, n := utf8.DecodeRuneInString(text)
	return text[:n]
}

func nothing(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// checkLog reads the log: it is plain, and nothing in it panicked.
func (s *server) checkLog(ids map[string]string) error {
	file, err := os.Open(s.log)
	if err != nil {
		return err
	}
	defer file.Close()
	var wrong []error
	_, err = eachLine(plain{file}, func(line string) error {
		if strings.Contains(line, "panic") && !strings.Contains(line, "verdict=") {
			wrong = append(wrong, fmt.Errorf("%s: %.3000s", whose(line, ids), line))
		}
		return harmless(line)
	})
	return errors.Join(append(wrong, err)...)
}

// whose is the input that a line of the log is about.
func whose(line string, ids map[string]string) string {
	_, id, _ := strings.Cut(line, " id=")
	id, _, _ = strings.Cut(id, " ")
	return ids[id]
}

// logged is what the log says of the message with the id in a reply.
func (s *server) logged(reply string) string {
	log, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	_, id, _ := strings.Cut(reply, "(id ")
	_, about, _ := strings.Cut(string(log), " id="+strings.TrimSuffix(id, ")")+" ")
	line, _, _ := strings.Cut(about, "\n")
	return fmt.Sprintf("%.1000s", line)
}

// lastLines is the end of the log, for people.
func (s *server) lastLines() string {
	log, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-6000):])
}
