package export

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reportmx/reports"
	"reportmx/storage"
)

// TestParsedmarcSame: what parsedmarc makes of a report besides copying it, and
// what we therefore make of it, too.
func TestParsedmarcSame(t *testing.T) {
	tests := []difference{
		{"results without a domain", changed(sampleAggregate(), func(r *storage.Report) {
			auth := &r.Aggregate.Records[0].AuthResults
			auth.DKIM[0].Domain, auth.SPF[0].Domain = "", ""
		}), map[string]string{"dkim_domains": "bulk.example.org", "dkim_selectors": "none", "dkim_results": "fail", "spf_results": ""},
			map[string]string{"records.0.auth_results.spf": `[]`, "records.0.auth_results.dkim.0.domain": `"bulk.example.org"`}},
		{"domains in lower case", changed(sampleAggregate(), func(r *storage.Report) {
			r.Aggregate.Records[0].Identifiers.HeaderFrom = "EXAMPLE.com"
			r.Aggregate.Records[0].AuthResults.DKIM[0].Domain = "EXAMPLE.com"
		}), map[string]string{"header_from": "example.com", "dkim_domains": "example.com,bulk.example.org"},
			map[string]string{"records.0.identifiers.header_from": `"example.com"`, "records.0.auth_results.dkim.0.domain": `"EXAMPLE.com"`}},
		{"delivery result in other words", changed(sampleFailure(), func(r *storage.Report) {
			r.Failure.DeliveryResult = "smg-policy-action"
		}), map[string]string{"delivery_result": "policy"}, map[string]string{"delivery_result": `"policy"`}},
		{"file name", changed(sampleFailure(), func(r *storage.Report) {
			r.Failure.Sample.Subject = `Re: a/b\c "d"? *|.`
		}), map[string]string{"subject": `Re: a/b\\c "d"? *|.`}, map[string]string{"parsed_sample.filename_safe_subject": `"Re abc d "`}},
		{"organization without a name", changed(sampleAggregate(), func(r *storage.Report) {
			r.Aggregate.OrgName, r.Aggregate.Email = "", "dmarc@mx.Post.example"
		}), map[string]string{"org_name": "post.example"}, nil},
		{"organization of one word", changed(sampleAggregate(), func(r *storage.Report) {
			r.Aggregate.OrgName = "Post"
		}), map[string]string{"org_name": "Post"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := test.in()
			rows := readCSV(t, written(t, r.Kind, Options{Format: FormatParsedmarcCSV}, r))
			for column, want := range test.cell {
				if got := cellOf(t, rows, column); got != want {
					t.Errorf("%s: got %q, want %q", column, got, want)
				}
			}
			out := written(t, r.Kind, Options{Format: FormatParsedmarcJSON}, r)
			for path, want := range test.json {
				if got := valueAt(t, out, "0."+path); got != want {
					t.Errorf("%s: got %s, want %s", path, got, want)
				}
			}
		})
	}
}

// TestParsedmarcMarked: neither conflicts nor what is implausible is written, nor
// counted as written.
func TestParsedmarcMarked(t *testing.T) {
	conflict, implausible := sampleAggregate(), sampleAggregate()
	conflict.Conflict, implausible.Implausible = true, true
	list := slices.Concat(inParts(conflict, 1), inParts(implausible, 1), []*storage.Report{week()})
	for _, format := range []Format{FormatParsedmarcCSV, FormatParsedmarcJSON} {
		var b bytes.Buffer
		n, err := Write(&b, reports.KindAggregate, Options{Format: format}, sequence(list...))
		if n != 1 || err != nil {
			t.Errorf("%s: Write = %d, %v, want 1 report", format, n, err)
		}
		if diff := cmp.Diff(written(t, reports.KindAggregate, Options{Format: format}, week()), b.String()); diff != "" {
			t.Errorf("%s (-without them +with them):\n%s", format, diff)
		}
	}
}

func TestUnexplained(t *testing.T) {
	tests := []struct {
		name    string
		failed  *int64
		details []*int64
		want    *int64
	}{
		{"all in details", ptr[int64](3), []*int64{ptr[int64](1), ptr[int64](2)}, ptr[int64](0)},
		{"some in details", ptr[int64](3), []*int64{ptr[int64](1), nil}, ptr[int64](2)},
		{"details overlap", ptr[int64](1), []*int64{ptr[int64](1), ptr[int64](1)}, ptr[int64](0)},
		{"a detail below none", ptr[int64](1), []*int64{ptr[int64](-5)}, ptr[int64](1)},
		{"no details", ptr[int64](7), nil, ptr[int64](7)},
		{"not told", nil, []*int64{ptr[int64](1)}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := &reports.TLSPolicy{Failed: test.failed}
			for _, n := range test.details {
				p.FailureDetails = append(p.FailureDetails, reports.TLSFailure{FailedSessionCount: n})
			}
			if diff := cmp.Diff(test.want, unexplained(p)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
