package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"reportmx/reports"
	"reportmx/storage"
)

// The buckets; the package comment says what is in them.
const (
	bucketMeta       = "meta"
	bucketAggregate  = "aggregate"
	bucketTLS        = "tls"
	bucketFailure    = "failure"
	bucketRaw        = "raw"
	bucketFailureRaw = "failure-raw"
	bucketIdentity   = "identity"
	bucketDomain     = "domain"
	bucketHeld       = "held"
	bucketHeldRaw    = "held-raw"
	bucketHeldHash   = "held-hash"
	bucketColumns    = "columns"
)

// buckets are all of them. The place in it stands for the bucket in the counters:
// new ones are added at the end.
var buckets = [...]string{
	bucketMeta, bucketAggregate, bucketTLS, bucketFailure, bucketRaw, bucketFailureRaw,
	bucketIdentity, bucketDomain, bucketHeld, bucketHeldRaw, bucketHeldHash,
	bucketColumns, // since schema 2
}

// place is where a bucket stands in buckets, and its name for bbolt.
type place struct {
	index int
	name  []byte
}

var places = func() map[string]place {
	m := make(map[string]place, len(buckets))
	for i, b := range buckets {
		m[b] = place{i, []byte(b)}
	}
	return m
}()

// nameOf spells the name of a bucket as bbolt wants it.
func nameOf(bucket string) []byte {
	if p, known := places[bucket]; known {
		return p.name
	}
	return []byte(bucket)
}

// kinds are the kinds of report; the index in it, from 1, stands for the kind in
// the file and must never change.
var kinds = [...]reports.Kind{reports.KindAggregate, reports.KindFailure, reports.KindTLS}

// kindNumber is the number of a kind in the file, 0 for an unknown one.
func kindNumber(k reports.Kind) byte {
	for i := range kinds {
		if kinds[i] == k {
			return byte(i + 1)
		}
	}
	return 0
}

// ref names one stored report.
type ref struct {
	kind reports.Kind
	seq  uint64
}

// refBytes is the length of a ref in the file: kind, sequence.
const refBytes = 1 + 8

func (r ref) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(append(b, kindNumber(r.kind)), r.seq)
}

func parseRef(b []byte) (ref, error) {
	if len(b) != refBytes || b[0] == 0 || int(b[0]) > len(kinds) {
		return ref{}, fmt.Errorf("%w: %x names no report", storage.ErrDamaged, b)
	}
	return ref{kind: kinds[b[0]-1], seq: binary.BigEndian.Uint64(b[1:])}, nil
}

// bucketOf is the bucket of a kind of report. It is the kind's own name.
func bucketOf(k reports.Kind) string { return string(k) }

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// chunkKeyBytes is the length of the key of a report's chunk.
const chunkKeyBytes = 8 + 4

func chunkKey(seq uint64, chunk uint32) []byte {
	b := make([]byte, 0, chunkKeyBytes)
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, seq), chunk)
}

// appendTime appends a time in seconds so that keys sort as times do, those before
// 1970 included.
func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(t.Unix())^1<<63)
}

// timeBytes is the length of a time in a key.
const timeBytes = 8

// identityBytes is how much of a hash stands in the identity index: 128 bits are
// beyond finding a second report for somebody else's first one.
const identityBytes = 16

// identityPrefix is what all reports of one identity begin with in the index.
func identityPrefix(r *reports.Report) []byte {
	id := r.Identity()
	return append(appendTime(nil, r.Begin()), id[:identityBytes]...)
}

// maxDomainKey bounds a policy domain in the index, in bytes. DNS allows 253; a
// longer one is cut, which only makes the index less selective.
const maxDomainKey = 256

// The marks in a key of the domain index. A stranger's domain may hold these
// bytes, too: they are replaced there, so that keys keep their order.
const (
	endOfDomain = 0
	endOfLabel  = 1
	replacement = 2
)

// domainPrefix spells a domain from its top down, each label with an end mark, so
// that a domain and all below it stand together: "com\x01example\x01".
func domainPrefix(domain string) []byte {
	labels := strings.Split(domain, ".")
	var b []byte
	for i := len(labels) - 1; i >= 0; i-- {
		for _, c := range []byte(labels[i]) {
			if c <= endOfLabel {
				c = replacement
			}
			b = append(b, c)
		}
		b = append(b, endOfLabel)
	}
	return b[:min(len(b), maxDomainKey)]
}

// maxIndexedDomains bounds how many keys one report adds to the index. A TLS
// report about more of them stands under no domain, where each search looks too.
const maxIndexedDomains = 100

// domainKeys are the starts of a report's keys in the domain index, to which its
// sequence number is added: domain, end mark, begin. Each is there once: domains that
// differ may be spelled alike in the index.
func domainKeys(r *storage.Report) [][]byte {
	begin := storage.PeriodStart(r)
	domains := r.PolicyDomains()
	if len(domains) > maxIndexedDomains {
		return [][]byte{appendTime([]byte{endOfDomain}, begin)}
	}
	keys := make([][]byte, 0, len(domains))
	for _, d := range domains {
		keys = append(keys, appendTime(append(domainPrefix(d), endOfDomain), begin))
	}
	slices.SortFunc(keys, bytes.Compare)
	return slices.CompactFunc(keys, bytes.Equal)
}
