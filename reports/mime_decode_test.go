package reports

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestTransferReader(t *testing.T) {
	tests := []struct{ name, encoding, body, want string }{
		{"base64", "base64", "aGVsbG8=", "hello"},
		{"base64 in lines", "base64", "aGVs\r\nbG8=\r\n", "hello"},
		{"base64 with junk", "base64", "aG*Vs\x00 b!G8=", "hello"},
		{"base64 without padding", "base64", "aGVsbG8", "hello"},
		{"base64 with one character left", "base64", "aGVsbG8gd", "hello "},
		{"base64 padded line by line", "base64", "aGU=\nbGxv\n", "hello"},
		{"base64 with a footer", "base64", "aGVsbG8=\r\n\r\n_____\r\nlist footer\r\n", "hello"},
		{"base64 for URLs", "base64", "_-__", "\xff\xef\xff"},
		{"base64, nothing", "base64", "\r\n", ""},
		{"quoted-printable", "quoted-printable", "a=3Db=\r\nc=e4", "a=bc\xe4"},
		{"quoted-printable, soft break and blanks", "quoted-printable", "a= \t\r\nb=\nc=\rd", "abcd"},
		{"quoted-printable, stray", "quoted-printable", "a=zz=", "a=zz"},
		{"none", "", "a=3D", "a=3D"},
		{"unknown", "x-unknown", "a=3D", "a=3D"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := io.ReadAll(newTransferReader([]byte(tt.body), tt.encoding))
			if err != nil || string(got) != tt.want {
				t.Errorf("got %q, %v, want %q", got, err, tt.want)
			}
			got, err = io.ReadAll(iotest.OneByteReader(newTransferReader([]byte(tt.body), tt.encoding)))
			if err != nil || string(got) != tt.want {
				t.Errorf("byte by byte: got %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func TestTransferEncoding(t *testing.T) {
	gzip64 := base64.StdEncoding.EncodeToString([]byte("\x1f\x8b\x08\x00 and the rest of the archive"))
	tests := []struct {
		name, label, body, want string
		lied                    bool
	}{
		{"base64", " BASE64 ", "aGVsbG8=", "base64", false},
		{"comment", "base64 (really)", "aGVsbG8=", "base64", false},
		{"quoted", `"base64";`, "aGVsbG8=", "base64", false},
		{"XML labelled base64", "base64", "\r\n<?xml version", "", true},
		{"gzip labelled base64", "base64", "\x1f\x8b\x08", "", true},
		{"gzip in base64 labelled 7bit", "7bit", gzip64, "base64", true},
		{"gzip in base64 without a label", "", "\r\n" + gzip64, "base64", true},
		{"text", "7bit", "Hello, this is a report", "7bit", false},
		{"one long word", "", strings.Repeat("word", 20), "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, lied := transferEncoding(tt.label, []byte(tt.body))
			if got != tt.want || lied != tt.lied {
				t.Errorf("got %q, %v, want %q, %v", got, lied, tt.want, tt.lied)
			}
		})
	}
}

// FuzzBase64 holds that whatever encoding/base64 decodes, we decode alike.
func FuzzBase64(f *testing.F) {
	f.Add([]byte("aGVsbG8=\r\n"))
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := io.ReadAll(newBase64Reader(body))
		if err != nil {
			t.Fatal(err)
		}
		want, err := base64.StdEncoding.AppendDecode(nil, body)
		if err == nil && !bytes.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func BenchmarkBase64(b *testing.B) {
	body := []byte(strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 1<<14))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := io.Copy(io.Discard, struct{ io.Reader }{newBase64Reader(body)}); err != nil {
			b.Fatal(err)
		}
	}
}
