package mailauth

import (
	"strings"
	"testing"
)

func TestAuthorDomain(t *testing.T) {
	tests := []struct {
		name, header string
		want         string
		err          error
	}{
		{"bare", "From: a@example.com", "example.com", nil},
		{"in brackets", "From: <a@example.com>", "example.com", nil},
		{"with a name", "From: Report Robot <a@Example.COM>", "example.com", nil},
		{"with a quoted name", `From: "Robot, <b@example.net>" <a@example.com>`, "example.com", nil},
		{"quoted quote", `From: "a \" <b@example.net> (" <a@example.com>`, "example.com", nil},
		{"comma in a bare name", "From: Robot, Report <a@example.com>", "example.com", nil},
		{"address as a bare name", "From: b@example.net <a@example.com>", "example.com", nil},
		{"encoded word", "From: =?utf-8?q?R=C3=B6b@example.net?= <a@example.com>", "example.com", nil},
		{"8 bit name", "From: R\xf6bot <a@example.com>", "example.com", nil},
		{"folded", "From: Robot\r\n\t<a@\r\n example.com>", "example.com", nil},
		{"comment", "From: a@example.com (b@example.net)", "example.com", nil},
		{"nested comment", `From: (x (b@example.net\)) <y@z>) a@example.com`, "example.com", nil},
		{"comment in the address", "From: <a@(x)example.com>", "example.com", nil},
		{"comment behind the name of the field", "FROM : a@example.com", "example.com", nil},
		{"group", "From: Robots: a@example.com, <b@example.com>;", "example.com", nil},
		{"route", "From: <@example.net,@example.org:a@example.com>", "example.com", nil},
		{"@ in a quoted local part", `From: "b@example.net"@example.com`, "example.com", nil},
		{"U-label", "From: a@bücher.example", "xn--bcher-kva.example", nil},
		{"final dot", "From: a@example.com.", "example.com", nil},
		{"no colon in the next line", "From: a@example.com\r\nnonsense", "example.com", nil},
		{"an mbox line is no From field", "From a@example.net Sat Nov 21 08:00:00 2026\r\nFrom: a@example.com", "example.com", nil},
		{"two addresses, one domain", "From: a@example.com, B <b@example.com>", "example.com", nil},

		{"two addresses", "From: a@example.com, b@example.net", "", errManyDomains},
		{"two brackets", "From: <a@example.com> <b@example.net>", "", errManyDomains},
		{"address and subdomain", "From: a@example.com, b@mail.example.com", "", errManyDomains},
		{"two fields", "From: a@example.com\r\nX: y\r\nfrom: a@example.com", "", errManyFrom},
		{"two fields, one with space", "From: a@example.com\r\nFrom : b@example.net", "", errManyFrom},
		{"none", "Subject: x", "", errNoFrom},
		{"only in the body", "Subject: x\r\n\r\nFrom: a@example.com", "", errNoFrom},
		{"empty", "From:", "", errFrom},
		{"empty group", "From: nobody:;", "", errFrom},
		{"empty brackets", "From: a@example.com <>", "", errFrom},
		{"no domain", "From: robot", "", errFrom},
		{"one without a domain", "From: <a@example.com>, <b>", "", errFrom},
		{"address literal", "From: a@[192.0.2.1]", "", errFrom},
		{"odd character", "From: a@exam!ple.com", "", errFrom},
		{"space in the domain", "From: a@example.com b", "", errFrom},
		{"quote without end", `From: "Robot <a@example.com>`, "", errFrom},
		{"comment without end", "From: (Robot <a@example.com>", "", errFrom},
		{"bracket without end", "From: Robot <a@example.com", "", errFrom},
		{"second bracket without end", "From: <a@example.com>, <b@example.net", "", errFrom},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := split([]byte(tt.header + "\r\n\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := authorDomain(l.fields)
			if got != tt.want || err != tt.err {
				t.Errorf("got %q, %v, want %q, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestFromTooLong(t *testing.T) {
	l, err := split([]byte("From: " + strings.Repeat("x", maxFieldSize) + "@example.com\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := authorDomain(l.fields); err == nil {
		t.Errorf("got %q, want an error", got)
	}
}
