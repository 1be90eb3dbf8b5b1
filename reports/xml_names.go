package reports

import "strings"

// schemaNames are the names of both schemas and of the drafts that the readers know, hashed,
// so that reading one costs neither memory nor much time. The places are four times as many.
var schemaNames = func() (table [256]string) {
	for name := range strings.FieldsSeq(`feedback version report_metadata org_name email extra_contact_info
		report_id date_range begin end error generator policy_published domain discovery_method p sp np adkim aspf
		pct fo testing extension record row source_ip count policy_evaluated disposition dkim spf reason type comment
		identifiers header_from envelope_from envelope_to auth_results selector scope result human_result
		extensions identities version_published`) {
		place := namePlace([]byte(name))
		for table[place] != "" {
			place++
		}
		table[place] = name
	}
	return table
}()

// namePlace is where the search for a name begins, which is not empty.
func namePlace(name []byte) uint8 {
	n := len(name)
	return uint8(n)*7 + name[0]*31 + name[n/2]*5 + name[n-1]
}

// schemaName returns name as a string if it is one of the schema's, else "".
func schemaName(name []byte) string {
	if len(name) == 0 {
		return ""
	}
	for place := namePlace(name); schemaNames[place] != ""; place++ {
		if schemaNames[place] == string(name) {
			return schemaNames[place]
		}
	}
	return ""
}
