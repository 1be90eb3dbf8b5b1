package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"reportmx/reports"
)

// LeastRedactionKey is the size of the shortest key, in bytes.
const LeastRedactionKey = 16

// errShortKey: somebody could try all keys of this size, or all likely ones.
var errShortKey = errors.New("redaction key is too short")

// tokenLetters is how much of a token is kept: 100 bits, far more than there are
// mailboxes to tell apart, and short enough to be read in a table.
const tokenLetters = 20

var tokenText = base32.StdEncoding.WithPadding(base32.NoPadding)

// Redactor makes tokens of local parts (RFC 6590 §2): who has the key can find out
// whether a token stands for a mailbox, and nobody else can.
type Redactor struct{ key []byte }

// NewRedactor takes a key of at least LeastRedactionKey bytes.
func NewRedactor(key []byte) (*Redactor, error) {
	if len(key) < LeastRedactionKey {
		return nil, fmt.Errorf("%w: it has %d bytes, at least %d are needed", errShortKey, len(key), LeastRedactionKey)
	}
	return &Redactor{key: key}, nil
}

// Token is the start of HMAC-SHA-256 of a local part, spelled a-z and 2-7.
func (r *Redactor) Token(local string) string {
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(local)) // never fails
	return strings.ToLower(tokenText.EncodeToString(mac.Sum(nil)))[:tokenLetters]
}

// keepsRaw tells whether the mail that a report came in is kept. One with a failure
// report would be another mail if it were redacted, and much of it is encoded.
func (in *Intake) keepsRaw(kind reports.Kind) bool {
	if kind != reports.KindFailure {
		return !in.NoRaw
	}
	return in.Keep == KeepFull && in.Redact == nil
}

// lessenAll takes from failure reports what is not to be kept, and local parts from
// the subject of the mail that brought one: many repeat that of the failed mail. Its
// sender stays: it is who reports, and not who is reported. Identity and content hash
// were made of the whole report before.
func (in *Intake) lessenAll(m *message, found []reports.Report) error {
	for i := range found {
		if found[i].Kind != reports.KindFailure {
			continue
		}
		in.Keep.apply(found[i].Failure)
		if in.Redact == nil {
			continue
		}
		redactor, err := in.Redact()
		if err != nil {
			return fmt.Errorf("redact failure report: %w", err)
		}
		found[i].Redact(redactor.Token)
		m.Facts.Subject = reports.RedactText(m.Facts.Subject, redactor.Token)
	}
	return nil
}
