package reports

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// feedback reads a failure report: the feedback part and the sample, which is
// nil without one. Reports of another kind of feedback are only named.
func (f *finder) feedback(e, sample *entity) {
	r, err := readFailure(decoded(e), sample)
	if errors.Is(err, errNoFeedbackType) {
		r, err = readUnlabelled(e, sample, err)
	}
	if err != nil {
		f.found.Unreadable = append(f.found.Unreadable, Unreadable{
			Kind:   string(KindFailure),
			Code:   feedbackCode(err),
			Part:   e.part(),
			Reason: fmt.Sprintf("read feedback report: %v", err),
		})
		return
	}
	if r.Failure.FeedbackType != feedbackAuthFailure {
		f.found.OtherFeedback = append(f.found.OtherFeedback, r.Failure.FeedbackType)
		return
	}
	if !isFeedbackType(e.contentType.value) {
		r.warn(WarnFeedbackLabel, "Content-Type", e.contentType.value)
	}
	if e.header.recovered {
		r.warn(WarnHeader, "part "+e.part(), "")
	}
	r.Part = e.part()
	f.found.Reports = append(f.found.Reports, *r)
}

// readUnlabelled reads a feedback part once more, as base64 that is not labelled.
func readUnlabelled(e, sample *entity, cause error) (*Report, error) {
	body, err := io.ReadAll(newBase64Reader(e.body))
	if err != nil {
		return nil, cause
	}
	r, err := readFailure(body, sample)
	if err != nil {
		return nil, cause
	}
	r.warn(WarnTransferEncoding, "Content-Transfer-Encoding", e.header.Get(fieldEncoding))
	return r, nil
}

// feedbackAuthFailure is the feedback type of failure reports (RFC 6591 §3.1).
const feedbackAuthFailure = "auth-failure"

var errNoFeedbackType = errors.New("it has no Feedback-Type field (RFC 5965 §3.1)")

func feedbackCode(err error) string {
	if errors.Is(err, errHeaderBytes) || errors.Is(err, errHeaderFields) {
		return CodeLimit
	}
	return CodeFeedback
}

// readFailure reads a feedback report of any type from its decoded second part
// and from the sample, which may be nil.
func readFailure(body []byte, sample *entity) (*Report, error) {
	r := &Report{Kind: KindFailure, Failure: &Failure{Incidents: 1}}
	head, interrupted, err := readAllFields(trimBlankLines(body))
	if err != nil {
		return nil, err
	}
	fields := feedbackFields{report: r, into: r.Failure}
	if interrupted {
		r.warn(WarnBlankLine, "feedback report", "")
	}
	fields.read(&head)
	if r.Failure.FeedbackType == "" {
		return nil, errNoFeedbackType
	}
	var raw []byte
	if sample != nil {
		raw = decoded(sample)
		if err := readSample(r, sample, raw); err != nil {
			return nil, err
		}
	} else {
		r.warn(WarnSampleMissing, "", "")
	}
	r.ContentHash = hashParts(body, raw)
	r.Failure.PolicyDomain = policyDomain(r.Failure)
	r.Failure.DKIMAligned, r.Failure.SPFAligned = alignment(r.Failure)
	return r, nil
}

// hashParts hashes parts with the length of each before it, so that no two
// splits of the same bytes hash alike. Line ends count as one LF, and
// those at the end not at all, so that a report is the same whether it came by
// SMTP or out of a mailbox file.
func hashParts(parts ...[]byte) [sha256.Size]byte {
	h := sha256.New()
	var size [8]byte
	for _, part := range parts {
		part = bytes.ReplaceAll(part, []byte("\r\r\n"), []byte("\n"))
		part = bytes.ReplaceAll(part, []byte("\r\n"), []byte("\n"))
		part = bytes.TrimRight(bytes.ReplaceAll(part, []byte("\r"), []byte("\n")), "\n")
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// readAllFields reads a part that is all header. Blank lines between fields, which
// some reporters leave, do not end it; interrupted tells of one.
func readAllFields(raw []byte) (h header, interrupted bool, err error) {
	var blocks []header
	fields := 0
	for {
		block, rest, err := readHeader(raw)
		if err != nil {
			return header{}, false, err
		}
		blocks = append(blocks, block)
		if fields += block.Len(); fields > maxHeaderFields {
			return header{}, false, errHeaderFields
		}
		raw = trimBlankLines(rest)
		if line, _ := cutLine(raw); !isField(line) {
			break
		}
	}
	if len(blocks) == 1 {
		return blocks[0], false, nil
	}
	h, err = joinHeaders(blocks)
	return h, true, err
}

// joinHeaders makes one header of several blocks.
func joinHeaders(blocks []header) (header, error) {
	var joined header
	var all [][]byte
	for i := range blocks {
		joined.recovered = joined.recovered || blocks[i].recovered
		for fields := blocks[i].Fields(); fields.Next(); {
			raw, err := fields.Raw()
			if err != nil {
				return header{}, fmt.Errorf("read field: %w", err)
			}
			all = append(all, raw)
		}
	}
	for _, raw := range slices.Backward(all) { // AddRaw puts a field before the others
		joined.AddRaw(raw)
	}
	return joined, nil
}

// policyDomain is the domain that a failure report is about (see
// Failure.PolicyDomain).
func policyDomain(f *Failure) string {
	for _, reported := range f.ReportedDomains {
		domain := strings.Trim(reported, " <>@.")
		if behind := domainOf(domain); behind != "" { // an address
			domain = behind
		}
		if domain != "" {
			return domain
		}
	}
	for _, address := range addressesOf([]string{f.Sample.From}) {
		if domain := domainOf(address); domain != "" {
			return domain
		}
	}
	return domainOf(f.OriginalMailFrom)
}
