package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"reportmx/internal/control"
)

// cmdMetrics is "metrics PATH [TEXT]": ask the address of [metrics]; stdout is the
// answer, the first that has the text.
func cmdMetrics(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: metrics PATH [TEXT]")
	}
	s := ts.Value(serverKey{}).(*server)
	addr, err := s.metricsAddr()
	ts.Check(err)
	for until := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		body, err := fetch("http://" + addr + args[0])
		ts.Check(err)
		if len(args) == 1 || strings.Contains(body, args[1]) {
			fmt.Fprint(ts.Stdout(), body)
			return
		}
		if time.Now().After(until) {
			ts.Fatalf("%s never had %q:\n%s", args[0], args[1], body)
		}
	}
}

func (s *server) metricsAddr() (string, error) {
	c, err := control.Dial(filepath.Join(s.dir, "data", "control.sock"))
	if err != nil {
		return "", err
	}
	defer c.Close()
	var status struct {
		Counts struct {
			Metrics string `json:"metrics"`
		} `json:"since_start"`
	}
	var raw json.RawMessage
	if err := c.Send(context.Background(), "GET", "/v1/status", nil, nil, &raw); err != nil {
		return "", err
	}
	err = json.Unmarshal(raw, &status)
	return status.Counts.Metrics, err
}

func fetch(url string) (string, error) {
	res, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}
