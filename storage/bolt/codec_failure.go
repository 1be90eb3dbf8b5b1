package bolt

import "reportmx/reports"

// The fields of a failure report that are neither strings nor lists of them.
const (
	failureArrivalDate = 8
	failureSourceIP    = 12
	failureSourcePort  = 14
	failureIncidents   = 15
	failureOtherField  = 31
	failureSample      = 33
)

func failureTexts(f *reports.Failure) texts {
	return texts{
		1: &f.FeedbackType, 2: &f.UserAgent, 3: &f.Version, 4: &f.AuthFailure,
		5: &f.OriginalEnvelopeID, 6: &f.OriginalMailFrom,
		9: &f.ArrivalDateText, 10: &f.ArrivalDateField, 11: &f.ReportingMTA, 13: &f.SourceIPText,
		17: &f.DeliveryResult, 21: &f.DKIMAligned, 22: &f.SPFAligned,
		23: &f.DKIMDomain, 24: &f.DKIMIdentity, 25: &f.DKIMSelector,
		26: &f.DKIMSelectorDNS, 27: &f.DKIMADSPDNS,
		28: &f.DKIMCanonicalizedHeader, 29: &f.DKIMCanonicalizedBody,
		32: &f.PolicyDomain,
	}
}

// failureLists are the lists of strings, at the places of their numbers.
func failureLists(f *reports.Failure) []*[]string {
	return []*[]string{
		7: &f.OriginalRcptTo, 16: &f.AuthenticationResults, 18: &f.ReportedDomains, 19: &f.ReportedURIs,
		20: &f.IdentityAlignment, 30: &f.SPFDNS,
	}
}

func (w *writer) failure(field int, f *reports.Failure) {
	w.begin(field)
	w.texts(failureTexts(f))
	for field, list := range failureLists(f) {
		if list != nil {
			w.strings(field, *list)
		}
	}
	w.time(failureArrivalDate, f.ArrivalDate)
	w.addr(failureSourceIP, f.SourceIP)
	w.signed(failureSourcePort, int64(f.SourcePort))
	w.signed(failureIncidents, f.Incidents)
	for i := range f.OtherFields {
		w.short(failureOtherField, f.OtherFields[i].Name, f.OtherFields[i].Value, "", "")
	}
	w.sample(failureSample, &f.Sample)
	w.end()
}

func (r *reader) failure() *reports.Failure {
	f := &reports.Failure{}
	t, lists := failureTexts(f), failureLists(f)
	for r.enter(); r.next(); {
		switch r.field {
		case failureArrivalDate:
			f.ArrivalDate = r.time()
		case failureSourceIP:
			f.SourceIP = r.addr()
		case failureSourcePort:
			f.SourcePort = int(r.signed())
		case failureIncidents:
			f.Incidents = r.signed()
		case failureOtherField:
			var other reports.Field
			r.short(&other.Name, &other.Value, nil, nil)
			f.OtherFields = append(f.OtherFields, other)
		case failureSample:
			r.sample(&f.Sample)
		default:
			if r.field < len(lists) && lists[r.field] != nil {
				*lists[r.field] = append(*lists[r.field], r.string())
			} else if !r.text(t) {
				r.skip()
			}
		}
	}
	return f
}

const (
	sampleHeadersOnly = 2
	sampleInterrupted = 8
	sampleRaw         = 9
)

func sampleTexts(s *reports.Sample) texts {
	return texts{1: &s.ContentType, 3: &s.From, 4: &s.To, 5: &s.Subject, 6: &s.MessageID, 7: &s.Date}
}

func (w *writer) sample(field int, s *reports.Sample) {
	w.begin(field)
	w.texts(sampleTexts(s))
	w.flag(sampleHeadersOnly, s.HeadersOnly)
	w.flag(sampleInterrupted, s.Interrupted)
	w.bytes(sampleRaw, s.Raw)
	w.end()
}

func (r *reader) sample(s *reports.Sample) {
	t := sampleTexts(s)
	for r.enter(); r.next(); {
		switch r.field {
		case sampleHeadersOnly:
			s.HeadersOnly = r.flag()
		case sampleInterrupted:
			s.Interrupted = r.flag()
		case sampleRaw:
			s.Raw = []byte(r.bytes())
		default:
			if !r.text(t) {
				r.skip()
			}
		}
	}
}
