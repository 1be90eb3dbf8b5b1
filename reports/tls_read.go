package reports

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"
)

// What a document lacks to be a TLS report (RFC 8460 §4.4).
var (
	errTLSPolicies = errors.New("not a TLS report: no policies with a policy-domain")
	errTLSDates    = errors.New("not a TLS report: no readable date-range")
	errTLSObject   = errors.New("not a JSON object")
	errTLSType     = errors.New("neither an object nor a list")
)

// tlsReader reads one TLS report. The document is cut into its members here, one
// policy and one failure at a time, so that the bounds hold before the memory is
// spent; single objects are left to encoding/json.
type tlsReader struct {
	json    *json.Decoder
	report  *TLS
	warn    *warnings
	policy  int // number of the policy that is being read, 0 outside
	details int // failure-details read so far
	budget  *budget
}

// readTLS reads a TLS report (RFC 8460 §4.4) and reads r to its end. Unknown
// members are passed over. JSON that is malformed or cut short is an error, never
// a part of a report.
func readTLS(r io.Reader, b *budget) (*TLS, []Warning, error) {
	w := &warnings{}
	text := newTextReader(bufio.NewReaderSize(&bounded{r: r, left: maxTLSBytes, budget: b}, 4<<10), w)
	t := tlsReader{json: json.NewDecoder(filling{text}), report: &TLS{}, warn: w, budget: b}
	if err := t.object(t.member); err != nil {
		return nil, nil, t.located(cutShort(err))
	}
	if err := t.check(); err != nil {
		return nil, nil, err
	}
	if err := t.finish(text); err != nil {
		return nil, nil, t.located(err)
	}
	return t.report, w.all(), nil
}

// tlsPerByte is how many bytes of memory one of a document takes at most, beside its
// policies and failures: an empty string is three bytes with its comma.
const tlsPerByte = 6

// bounded passes on at most maxTLSBytes and then fails.
type bounded struct {
	r      io.Reader
	left   int64
	budget *budget
	over   error // as in meter
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.over != nil {
		return 0, b.over
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if int64(n) > b.left {
		b.over = exceeds("a TLS report", maxTLSBytes, "bytes")
		return int(b.left), b.over
	}
	b.left -= int64(n)
	if over := b.budget.charge(tlsPerByte * n); over != nil {
		return n, over
	}
	return n, err
}

// filling fills whatever it is given to read into. json.Decoder doubles its buffer
// and begins again with the blanks in it after each read: in short reads, blanks
// would cost the square of their number.
type filling struct{ r io.Reader }

func (f filling) Read(p []byte) (int, error) {
	n, err := io.ReadFull(f.r, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

func (t *tlsReader) located(err error) error {
	if t.policy > 0 {
		return fmt.Errorf("read JSON: policy %d: byte %d: %w", t.policy, t.json.InputOffset(), err)
	}
	return fmt.Errorf("read JSON: byte %d: %w", t.json.InputOffset(), err)
}

// place names a member for warnings.
func (t *tlsReader) place(member string) string {
	if t.policy == 0 {
		return member
	}
	return fmt.Sprintf("policy %d: %s", t.policy, member)
}

// object reads an object and has read read the value of each member.
func (t *tlsReader) object(read func(key string) error) error {
	token, err := t.json.Token()
	if err != nil {
		return err
	}
	if token == nil {
		return nil
	}
	if token != json.Delim('{') {
		return errTLSObject
	}
	return t.members(read)
}

// members reads what follows the brace of an object, its closing brace included.
func (t *tlsReader) members(read func(key string) error) error {
	for t.json.More() {
		key, err := t.json.Token()
		if err != nil {
			return err
		}
		if err := read(strings.ToLower(key.(string))); err != nil {
			return err
		}
	}
	_, err := t.json.Token()
	return err
}

// list reads a list and has read read each of its objects, their opening brace
// taken. A single object stands for a list of one, null for none.
func (t *tlsReader) list(member string, read func() error) error {
	token, err := t.json.Token()
	if err != nil || token == nil {
		return err
	}
	if token == json.Delim('{') {
		t.warn.add(WarnType, t.place(member), "object")
		return read()
	}
	if token != json.Delim('[') {
		return fmt.Errorf("%s: %w", member, errTLSType)
	}
	for t.json.More() {
		token, err := t.json.Token()
		if err != nil {
			return err
		}
		if token == nil {
			continue
		}
		if token != json.Delim('{') {
			return fmt.Errorf("%s: %w", member, errTLSObject)
		}
		if err := read(); err != nil {
			return err
		}
	}
	_, err = t.json.Token()
	return err
}

// member reads a member of the report.
func (t *tlsReader) member(key string) error {
	switch key {
	case "organization-name":
		return t.text(key, &t.report.OrgName)
	case "contact-info":
		return t.text(key, &t.report.ContactInfo)
	case "report-id":
		return t.text(key, &t.report.ReportID)
	case "date-range":
		return t.object(t.dateRange)
	case "policies":
		return t.list(key, t.policyEntry)
	}
	return t.skip()
}

func (t *tlsReader) dateRange(key string) error {
	switch key {
	case "start-datetime":
		return t.date(key, &t.report.Begin)
	case "end-datetime":
		return t.date(key, &t.report.End)
	}
	return t.skip()
}

func (t *tlsReader) date(key string, field *time.Time) error {
	var text string
	if err := t.text(key, &text); err != nil {
		return err
	}
	date, odd, ok := readDate(text)
	if !ok {
		date, _, ok = readEpoch(text)
	}
	if odd || !ok {
		t.warn.add(WarnTime, key, text)
	}
	if ok && field.IsZero() {
		*field = date
	}
	return nil
}

func (t *tlsReader) ip(key string, field *netip.Addr) error {
	var text string
	if err := t.text(key, &text); err != nil {
		return err
	}
	ip, odd := readIP(text)
	if odd && text != "" {
		t.warn.add(WarnIP, t.place(key), text)
	}
	*field = ip
	return nil
}

// check tells whether the document is enough of a report to be kept.
func (t *tlsReader) check() error {
	t.policy = 0
	named := false
	for i := range t.report.Policies {
		named = named || t.report.Policies[i].PolicyDomain != ""
	}
	if !named {
		return errTLSPolicies
	}
	if t.report.Begin.IsZero() || t.report.End.IsZero() {
		return errTLSDates
	}
	if t.report.OrgName == "" {
		t.warn.add(WarnMissing, "organization-name", "")
	}
	if t.report.ReportID == "" {
		t.warn.add(WarnMissing, "report-id", "")
	}
	return nil
}

// finish reads what stands behind the report.
func (t *tlsReader) finish(text io.Reader) error {
	rest := io.MultiReader(t.json.Buffered(), text)
	window := make([]byte, 4<<10)
	trailing := ""
	for {
		n, err := rest.Read(window)
		if trailing == "" {
			trailing = excerpt(strings.Trim(string(window[:n]), "\x00 \t\r\n"))
		}
		var passed limitError
		if errors.As(err, &passed) {
			return err
		}
		if failed(err) {
			t.warn.add(WarnArchiveTail, "", err.Error())
		}
		if err != nil {
			break
		}
	}
	if trailing != "" {
		t.warn.add(WarnTrailing, "", trailing)
	}
	return nil
}
