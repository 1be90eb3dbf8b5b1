package command

import (
	"fmt"

	"github.com/spf13/cobra"
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
			_, err = fmt.Fprintf(e.stderr, "the configuration is fine: report domain %s, %d targets\n", cfg.Report.Domain, cfg.Targets.Len())
			return err
		},
	})
	return cmd
}
