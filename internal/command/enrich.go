package command

import (
	"time"

	"reportmx/internal/config"
	"reportmx/internal/control"
	"reportmx/internal/dmarcdns"
	"reportmx/internal/enrich"
)

// enrichment gives what tells more of the sources in an export. It asks the DNS by a
// client of its own: what an export asks for takes neither slot nor cache from what
// receives mail. Whether there is anything to ask is found out when an export does.
func enrichment(cfg *config.Config) (func() (control.Enrichment, error), error) {
	c := enrich.Config{Databases: cfg.Enrich.Databases, Budget: time.Duration(cfg.Enrich.Budget)}
	if cfg.Enrich.ReverseDNS {
		dns, err := dmarcdns.New(dmarcdns.Config{Servers: cfg.DNS.Servers, InFlight: enrich.AtOnce})
		if err != nil {
			return nil, err
		}
		c.Resolver = dns
	}
	source := enrich.New(c)
	return func() (control.Enrichment, error) {
		run, err := source.Open()
		if err != nil {
			return nil, err // and not a run that is nil in an interface that is not
		}
		return run, nil
	}, nil
}
