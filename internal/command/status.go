package command

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"reportmx/internal/control"
	"reportmx/internal/dmarcdns"
	"reportmx/reports"
	"reportmx/storage"
)

// status is what the running server says of itself.
type status struct {
	Version    string         `json:"version"`
	StartedAt  time.Time      `json:"started_at"`
	Hostname   string         `json:"hostname"`
	Domain     string         `json:"report_domain"`
	Listen     []string       `json:"listen"`
	Store      storeStatus    `json:"store"`
	Targets    []targetStatus `json:"targets"`
	Sessions   int64          `json:"sessions"`
	FreeBytes  int64          `json:"free_bytes"`
	CertExpiry *time.Time     `json:"certificate_not_after,omitempty"`
	Counts     countStatus    `json:"since_start"`
}

type storeStatus struct {
	Aggregate  uint64 `json:"aggregate"`
	Failure    uint64 `json:"failure"`
	TLS        uint64 `json:"tls"`
	Duplicates uint64 `json:"duplicates"`
	Held       uint64 `json:"held"`
	HeldBytes  int64  `json:"held_bytes"`
	FileBytes  int64  `json:"file_bytes"`
	Error      string `json:"error,omitempty"`
}

func storeStatusOf(s storage.Stats, err error) storeStatus {
	if err != nil {
		return storeStatus{Error: err.Error()}
	}
	return storeStatus{
		Aggregate: s.Reports[reports.KindAggregate], Failure: s.Reports[reports.KindFailure], TLS: s.Reports[reports.KindTLS],
		Duplicates: s.Duplicates, Held: s.Held, HeldBytes: s.HeldBytes, FileBytes: s.FileBytes,
	}
}

// targetStatus is what is known of one target.
type targetStatus struct {
	Domain        string                 `json:"domain"`
	PolicyDomain  string                 `json:"policy_domain"`
	Authorization dmarcdns.Authorization `json:"authorization"`
	ByList        dmarcdns.Authorization `json:"authorization_by_public_suffix_list"`
	Record        string                 `json:"record"`
	CheckedAt     time.Time              `json:"checked_at"`
}

func targetStates(states []dmarcdns.State) []targetStatus {
	list := make([]targetStatus, 0, len(states))
	for _, s := range states {
		list = append(list, targetStatus{Domain: s.Target, PolicyDomain: s.PolicyDomain, Authorization: s.Authorization, ByList: s.ByList, Record: s.Record, CheckedAt: s.CheckedAt})
	}
	return list
}

// line says it for people, with what to do.
func (t targetStatus) line() string {
	switch {
	case t.Authorization == dmarcdns.Unknown:
		return "external authorization unknown: DNS gave no answer"
	case t.Authorization.Permits() && t.ByList.Permits():
		return "external authorization: " + string(t.Authorization)
	case t.Record == "":
		return "external authorization: " + string(t.Authorization)
	default:
		return fmt.Sprintf("external authorization %s: publish %s. TXT \"v=DMARC1;\"", t.Authorization, t.Record)
	}
}

// status gathers what the control socket tells.
func (a *app) status() status {
	free, _ := freeSpace(a.cfg.Storage.Dir) // 0 says it plainly enough
	s := status{
		Version: buildVersion(), StartedAt: a.started,
		Hostname: a.cfg.SMTP.Hostname, Domain: a.cfg.Report.Domain, Listen: a.listen,
		Store: storeStatusOf(a.store.Stats()), Targets: targetStates(a.watcher.States()), Sessions: a.sessions.count.Load(), FreeBytes: free,
		Counts: a.countStatus(),
	}
	if a.certificate != nil {
		at := a.certificate.NotAfter().UTC()
		s.CertExpiry = &at
	}
	return s
}

func (e *env) status() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "say what the running server is doing",
		Args:  wrongUsage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := e.load()
			if err != nil {
				return err
			}
			c, err := control.Dial(cfg.Control.Socket)
			if err != nil {
				return err
			}
			defer c.Close()
			var raw json.RawMessage
			if err := c.Send(cmd.Context(), http.MethodGet, "/v1/status", nil, nil, &raw); err != nil {
				return err
			}
			if asJSON {
				_, err := fmt.Fprintf(e.stdout, "%s\n", plainJSON(raw))
				return err
			}
			var s status
			if err := json.Unmarshal(raw, &s); err != nil {
				return fmt.Errorf("read answer: %w", err)
			}
			return s.print(e.stdout)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object")
	return cmd
}

// print writes the status for people.
func (s *status) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(t, "%s\t%s\n", name, printable(fmt.Sprintf(format, args...)))
	}
	row("server", "%s, reportmx %s, up since %s", s.Hostname, s.Version, s.StartedAt.Format(time.RFC3339))
	row("report domain", "%s, mail is taken at %s", s.Domain, strings.Join(s.Listen, " "))
	row("sessions", "%d", s.Sessions)
	row("reports", "%d aggregate, %d failure, %d TLS, %d duplicates turned away", s.Store.Aggregate, s.Store.Failure, s.Store.TLS, s.Store.Duplicates)
	row("held", "%d messages, %s", s.Store.Held, humanize.IBytes(uint64(s.Store.HeldBytes)))
	row("store", "%s, %s free", humanize.IBytes(uint64(s.Store.FileBytes)), humanize.IBytes(uint64(s.FreeBytes)))
	if s.Store.Error != "" {
		row("store error", "%s", s.Store.Error)
	}
	if s.CertExpiry != nil {
		row("certificate", "expires %s", s.CertExpiry.Format(time.RFC3339))
	}
	s.Counts.rows(row)
	for _, target := range s.Targets {
		row("target "+target.Domain, "%s", target.line())
	}
	return t.Flush()
}
