package reports

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scannedEvents returns the events of a document as xmlScanner cuts it: "<name n"
// with the number of attributes, ">name" and text, adjacent text joined.
func scannedEvents(doc []byte) ([]string, error) {
	s := newXMLScanner()
	s.begin(bytes.NewReader(doc), maxMarkup)
	var events events
	for {
		token, err := s.next()
		if err == io.EOF {
			return events.list, nil
		}
		if err != nil {
			return nil, err
		}
		switch token.kind {
		case xmlStart:
			events.add(fmt.Sprintf("<%s %d", token.name, len(s.attributes)))
			if token.empty {
				events.add(">" + string(token.name))
			}
		case xmlEnd:
			events.add(">" + string(token.name))
		case xmlText:
			text, odd, err := appendText(nil, token.text)
			if err != nil || odd {
				return nil, fmt.Errorf("text %q: %w", token.text, err)
			}
			events.text(string(text))
		default:
			text, err := appendPlain(nil, token.text)
			if err != nil {
				return nil, err
			}
			events.text(string(text))
		}
	}
}

// oracleEvents returns the events that encoding/xml finds.
func oracleEvents(doc []byte) ([]string, error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	var events events
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return events.list, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			events.add(fmt.Sprintf("<%s %d", qualified(token.Name), len(token.Attr)))
		case xml.EndElement:
			events.add(">" + qualified(token.Name))
		case xml.CharData:
			events.text(string(token))
		}
	}
}

func qualified(name xml.Name) string {
	if name.Space == "" {
		return name.Local
	}
	return name.Space + ":" + name.Local
}

type events struct {
	list   []string
	inText bool
}

func (e *events) add(event string) { e.list, e.inText = append(e.list, event), false }

func (e *events) text(text string) {
	switch {
	case text == "":
	case e.inText:
		e.list[len(e.list)-1] += text
	default:
		e.add("text " + text)
		e.inText = true
	}
}

// FuzzXML holds the scanner to encoding/xml: what that accepts, the scanner cuts
// into the same events, however the bytes arrive. Bounds and declarations are the
// scanner's own.
func FuzzXML(f *testing.F) {
	addDocuments(f, "aggregate")
	for _, seed := range []string{
		"<a b='1' c = \"2\"d='>'/>", "<a><b></b ></a>", "<a>x<![CDATA[<y>]]>z</a>", "<a>\r\n\r&#x41;&amp;</a>",
		"<?p?><!-- - --><a:b xmlns:a=''/>", "<a>]]</a>", "<é/>", "<a ></a\n>", "&#55441;",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		plain := bytes.ReplaceAll(bytes.ReplaceAll(doc, []byte("<!--"), nil), []byte("<![CDATA["), nil)
		if bytes.Contains(plain, []byte("<!")) {
			return
		}
		want, err := oracleEvents(doc)
		if err != nil {
			return
		}
		got, err := scannedEvents(doc)
		var passed limitError
		if errors.As(err, &passed) {
			return
		}
		if err != nil {
			t.Fatalf("got the error %v, want %q", err, want)
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("differs (- got, + want):\n%s", diff)
		}
	})
}

// TestOracle compares a whole report of RFC 9990 with what encoding/xml finds in
// it, element by element.
func TestOracle(t *testing.T) {
	doc := generatedReport(200)
	got, err := scannedEvents(doc)
	if err != nil {
		t.Fatal(err)
	}
	want, err := oracleEvents(doc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("differs (- got, + want):\n%s", diff)
	}
	if n := strings.Count(strings.Join(got, "\n"), "<record "); n != 200 {
		t.Errorf("records: got %d, want 200", n)
	}
}
