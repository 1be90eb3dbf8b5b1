package command

import (
	"fmt"
	"log/slog"
	"time"

	"reportmx/internal/config"
	"reportmx/smtpd"
)

// newSMTP makes the SMTP server in front of the intake.
func newSMTP(cfg *config.Config, a *app, log *slog.Logger) (*smtpd.Server, error) {
	c := smtpd.Config{
		Hostname:             cfg.SMTP.Hostname,
		PostmasterDomain:     cfg.Report.Domain,
		MaxMessageBytes:      int64(cfg.Limits.Message),
		MaxRecipients:        cfg.Limits.Recipients,
		MaxConnections:       cfg.Limits.Connections,
		MaxPerAddress:        cfg.Limits.PerAddress,
		ConnectionsPerMinute: cfg.Limits.PerMinute,
		ProxyFrom:            cfg.SMTP.ProxyFrom,
		IdleTimeout:          time.Duration(cfg.Limits.Idle),
		DataTimeout:          time.Duration(cfg.Limits.Idle),
		SessionTimeout:       time.Duration(cfg.Limits.Session),
		Logger:               log,
		Observer:             a.sessions,
	}
	if cfg.SMTP.Certificate != "" {
		cert, err := smtpd.LoadCertificate(cfg.SMTP.Certificate, cfg.SMTP.Key, log)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errConfig, err)
		}
		c.Certificate = cert
		a.certificate = cert
	}
	return smtpd.New(c, a.intake)
}
