package command

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"reportmx/internal/config"
	"reportmx/smtpd"
)

func (e *env) config() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "look at the configuration",
		Args:  wrongUsage(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "check",
		Short: "say what is wrong with the configuration, all at once",
		Args:  wrongUsage(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := e.load()
			if err != nil {
				return err
			}
			if err := checkCertificate(cfg); err != nil {
				return err
			}
			_, err = fmt.Fprintf(e.stderr, "the configuration is fine: report domain %s, targets: %d\n", cfg.Report.Domain, cfg.Targets.Len())
			return err
		},
	})
	return cmd
}

// checkCertificate reads the pair, which serve would refuse otherwise. Credentials
// of systemd exist only while the service runs.
func checkCertificate(cfg *config.Config) error {
	if cfg.SMTP.Certificate == "" {
		return nil
	}
	for _, file := range []string{cfg.SMTP.Certificate, cfg.SMTP.Key} {
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			return nil
		}
	}
	if _, err := smtpd.LoadCertificate(cfg.SMTP.Certificate, cfg.SMTP.Key, slog.New(slog.DiscardHandler)); err != nil {
		return fmt.Errorf("%w: %w", errConfig, err)
	}
	return nil
}
