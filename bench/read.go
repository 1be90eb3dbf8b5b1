package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"strings"
	"syscall"
	"time"

	"reportmx/reports"
)

// naive is the schema as encoding/xml wants it.
type naive struct {
	Version  string `xml:"version"`
	Metadata struct {
		OrgName  string `xml:"org_name"`
		Email    string `xml:"email"`
		Contact  string `xml:"extra_contact_info"`
		ReportID string `xml:"report_id"`
		Begin    int64  `xml:"date_range>begin"`
		End      int64  `xml:"date_range>end"`
	} `xml:"report_metadata"`
	Policy struct {
		Domain string `xml:"domain"`
		ADKIM  string `xml:"adkim"`
		ASPF   string `xml:"aspf"`
		P      string `xml:"p"`
		SP     string `xml:"sp"`
		PCT    int    `xml:"pct"`
		FO     string `xml:"fo"`
	} `xml:"policy_published"`
	Records []struct {
		SourceIP     string `xml:"row>source_ip"`
		Count        int64  `xml:"row>count"`
		Disposition  string `xml:"row>policy_evaluated>disposition"`
		DKIM         string `xml:"row>policy_evaluated>dkim"`
		SPF          string `xml:"row>policy_evaluated>spf"`
		EnvelopeFrom string `xml:"identifiers>envelope_from"`
		HeaderFrom   string `xml:"identifiers>header_from"`
		AuthDKIM     []struct {
			Domain   string `xml:"domain"`
			Selector string `xml:"selector"`
			Result   string `xml:"result"`
		} `xml:"auth_results>dkim"`
		AuthSPF []struct {
			Domain string `xml:"domain"`
			Scope  string `xml:"scope"`
			Result string `xml:"result"`
		} `xml:"auth_results>spf"`
	} `xml:"record"`
}

// readNaive reads a mail as a program without ambition would: it gives the number
// of records.
func readNaive(message []byte) (int, error) {
	m, err := netmail.ReadMessage(bytes.NewReader(message))
	if err != nil {
		return 0, err
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return 0, err
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if err != nil {
			return 0, err
		}
		if !strings.HasPrefix(part.Header.Get("Content-Type"), "application/") {
			continue
		}
		data, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, part))
		if err != nil {
			return 0, err
		}
		document, err := unpackNaive(data)
		if err != nil {
			return 0, err
		}
		var n naive
		err = xml.Unmarshal(document, &n)
		return len(n.Records), err
	}
}

func unpackNaive(data []byte) ([]byte, error) {
	var r io.Reader
	if bytes.HasPrefix(data, []byte("PK")) {
		archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return nil, err
		}
		if len(archive.File) == 0 {
			return nil, errors.New("an empty archive")
		}
		if r, err = archive.File[0].Open(); err != nil {
			return nil, err
		}
	} else {
		var err error
		if r, err = gzip.NewReader(bytes.NewReader(data)); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(r)
}

func readOurs(message []byte) (int, error) {
	found := reports.Find(message, reports.Limits{})
	if len(found.Reports) != 1 {
		return 0, fmt.Errorf("%d reports found; unreadable: %v", len(found.Reports), found.Unreadable)
	}
	return len(found.Reports[0].Aggregate.Records), nil
}

// moxShare is how fast mox dmarcrpt reads beside the naive reader: 3,438 to 3,716
// reports/s, measured November 2026 on this workload's model.
const moxShare = 3438.0 / 3716

// readers compares reports.Find with the naive reader, in turns and by processor
// time, collection of garbage included.
func (b *bench) readers() error {
	b.section("reading mails, one thread")
	mails := b.mails[:len(b.mails)/8]
	var records int
	for i := range mails {
		records += mails[i].records
	}
	var ours, theirs []time.Duration
	for range b.rounds {
		for _, c := range []struct {
			read func([]byte) (int, error)
			list *[]time.Duration
		}{{readNaive, &theirs}, {readOurs, &ours}} {
			took, err := readAll(mails, c.read)
			if err != nil {
				return err
			}
			*c.list = append(*c.list, took)
		}
	}
	own, other := quantile(ours, 0.5), quantile(theirs, 0.5)
	b.readRatio = float64(other) / float64(own) / moxShare
	n := float64(len(mails))
	b.printf("naive reader: %7.0f reports/s, %8.0f records/s, %6.1f µs a report\n", n/other.Seconds(), float64(records)/other.Seconds(), micros(other)/n)
	b.printf("reports.Find: %7.0f reports/s, %8.0f records/s, %6.1f µs a report\n", n/own.Seconds(), float64(records)/own.Seconds(), micros(own)/n)
	b.printf("%.2f × the naive reader, %.2f × mox dmarcrpt (which reaches %.3f of it)\n", float64(other)/float64(own), b.readRatio, moxShare)
	return nil
}

// readAll gives the processor time of reading all mails.
func readAll(mails []mail, read func([]byte) (int, error)) (time.Duration, error) {
	start := ownCPU()
	for i := range mails {
		n, err := read(mails[i].message())
		if err != nil {
			return 0, fmt.Errorf("read mail %d: %w", i, err)
		}
		if n != mails[i].records {
			return 0, fmt.Errorf("read mail %d: got %d records, want %d", i, n, mails[i].records)
		}
	}
	return ownCPU() - start, nil
}

// ownCPU is the processor time of this process so far.
func ownCPU() time.Duration {
	var u syscall.Rusage
	// Getrusage of oneself cannot fail.
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
