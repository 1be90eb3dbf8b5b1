package bolt

import (
	"bytes"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reportmx/storage"
	"reportmx/storage/storagetest"
)

// mailOf makes a mail with data in base64, in lines of so many characters.
func mailOf(data []byte, line int, end string) []byte {
	text := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	b.WriteString("Subject: Report domain: example.com" + end + "Content-Type: application/gzip" + end + end)
	for len(text) > line {
		b.WriteString(text[:line] + end)
		text = text[line:]
	}
	b.WriteString(text + end + "--boundary--" + end)
	return []byte(b.String())
}

func gzipLike(n int) []byte {
	data := []byte{0x1f, 0x8b}
	r := rand.New(rand.NewPCG(1, 2))
	for len(data) < n {
		data = append(data, byte(r.Uint32()))
	}
	return data
}

// roundTrip packs and unpacks a message and gives what its body has become.
func roundTrip(t testing.TB, c *codec, raw []byte) *value {
	t.Helper()
	v, err := c.newRaw(raw)
	if err != nil {
		t.Fatal(err)
	}
	s := stored{bucketRaw, seqKey(1), v.seal(bucketRaw, seqKey(1), nil)}
	got, err := c.message(s)
	if err != nil || !bytes.Equal(got, raw) {
		t.Fatalf("got error %v and %d bytes, want %d:\n%q\nwant\n%q", err, len(got), len(raw), got, raw)
	}
	return v
}

func TestMail(t *testing.T) {
	data := gzipLike(1000)
	crlf := string(mailOf(data, 76, "\r\n"))
	for name, tt := range map[string]struct {
		raw    string
		packed bool // base64 is decoded
	}{
		"empty":                   {"", false},
		"CRLF":                    {crlf, true},
		"LF":                      {string(mailOf(data, 76, "\n")), true},
		"lines of 60":             {string(mailOf(data, 60, "\r\n")), true},
		"one long line":           {string(mailOf(data, 100_000, "\r\n")), true},
		"one byte of padding":     {string(mailOf(data[:999], 76, "\r\n")), true},
		"two bytes of padding":    {string(mailOf(data[:998], 76, "\r\n")), true},
		"last line is whole":      {string(mailOf(data[:57*10], 76, "\r\n")), true},
		"whole and padded":        {string(mailOf(data[:57*10-1], 76, "\r\n")), true},
		"lines of odd length":     {string(mailOf(data, 75, "\r\n")), false},
		"ends in base64":          {strings.TrimSuffix(crlf, "\r\n--boundary--\r\n"), true},
		"ends in a line end":      {strings.TrimSuffix(crlf, "--boundary--\r\n"), true},
		"ends in half a line end": {strings.TrimSuffix(crlf, "\n--boundary--\r\n"), true},
		"a line ends with LF":     {strings.Replace(crlf, "\r\nAAAA", "\nAAAA", 1), true},
		"line ends change":        {crlf[:700] + strings.ReplaceAll(crlf[700:], "\r\n", "\n"), true},
		"a stray CR":              {crlf[:500] + "\r" + crlf[500:], true},
		"a bit too much":          {strings.Replace(string(mailOf(data[:998], 76, "\r\n")), "==", "", 1), true},
		"two archives":            {crlf + crlf, true},
		"no archive":              {string(mailOf(bytes.Repeat([]byte("<record/>\n"), 100), 76, "\r\n")), true},
		"archive and none":        {crlf + string(mailOf(bytes.Repeat([]byte("<record/>\n"), 100), 76, "\r\n")) + crlf, true},
		"no base64":               {strings.Repeat("words of a text, again and again\r\n", 100), false},
		"large":                   {string(mailOf(gzipLike(200_000), 76, "\r\n")), true},
		"as in other tests":       {string(storagetest.Raw(1)), true},
	} {
		t.Run(name, func(t *testing.T) {
			v := roundTrip(t, testCodec(t), []byte(tt.raw))
			if packed := v.b[1] == encodingMail; packed != tt.packed {
				t.Errorf("base64 was decoded: %v, want %v", packed, tt.packed)
			}
		})
	}
}

// TestMailSize holds that base64 costs no more than what it stands for.
func TestMailSize(t *testing.T) {
	data := gzipLike(3000)
	if v := roundTrip(t, testCodec(t), mailOf(data, 76, "\r\n")); len(v.b) > len(data)+200 {
		t.Errorf("got %d bytes for %d of data", len(v.b), len(data))
	}
}

// TestMailDamaged changes each byte of what tells the parts of a message.
func TestMailDamaged(t *testing.T) {
	c := testCodec(t)
	v := roundTrip(t, c, mailOf(gzipLike(500), 76, "\r\n"))
	for at := headerBytes + 32; at < len(v.b); at++ {
		for _, b := range []byte{0, 1, 0x7f, 0x80, 0xff, v.b[at] ^ 1} {
			if b == v.b[at] {
				continue
			}
			w := &value{b: bytes.Clone(v.b)}
			w.b[at] = b
			w.body = crcOf(w.b[headerBytes:])
			s := stored{bucketRaw, seqKey(1), w.seal(bucketRaw, seqKey(1), nil)}
			if _, err := c.message(s); !errors.Is(err, storage.ErrDamaged) {
				t.Fatalf("byte %d is %#x: got error %v, want %v", at, b, err, storage.ErrDamaged)
			}
		}
	}
}

// FuzzMail: every message comes back byte for byte.
func FuzzMail(f *testing.F) {
	c := testCodec(f)
	f.Add([]byte("Subject: x\r\n\r\n"), gzipLike(100), 76, "\r\n")
	f.Add([]byte("\r\n\r"), []byte("PK"), 4, "\n")
	f.Add([]byte("AAAA\r\nAAAA\nAA==\r\n"), []byte{}, 64, "\r\r\n")
	f.Fuzz(func(t *testing.T, text, data []byte, line int, end string) {
		if line > 0 {
			text = append(append(bytes.Clone(text), mailOf(data, line, end)...), text...)
		}
		roundTrip(t, c, text)
	})
}

// TestMailCorpus packs real mails, where they are at hand.
func TestMailCorpus(t *testing.T) {
	c := testCodec(t)
	files, err := filepath.Glob(filepath.Join(os.Getenv("REPORTMX_CORPUS"), "*", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		v := roundTrip(t, c, raw)
		t.Logf("%d → %d bytes: %s", len(raw), len(v.b), filepath.Base(name))
	}
}
