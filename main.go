// Command reportmx is an MX for DMARC reports.
package main

import (
	"context"
	"os"

	"reportmx/internal/command"
)

func main() {
	os.Exit(command.Run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
