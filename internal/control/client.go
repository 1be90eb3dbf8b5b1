package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrCutShort: an answer ended before its end was said.
var ErrCutShort = errors.New("the answer was cut short")

// Client asks the running server, or the handlers in its own process.
type Client struct {
	http http.Client
	// Note is told what a person should know of an answer that is whole; it may be nil.
	Note func(string)
}

// Dial gives a client for the server at a Unix socket. The error is that no server
// answers there.
func Dial(path string) (*Client, error) {
	dial := func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", path)
	}
	c, err := dial(context.Background())
	if err != nil {
		return nil, fmt.Errorf("no server answers at %s: %w", path, errors.Unwrap(err))
	}
	c.Close()
	return &Client{http: http.Client{Transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		MaxIdleConnsPerHost: 8,
		DisableCompression:  true,
	}}}, nil
}

// Local gives a client for handlers in this process.
func Local(h http.Handler) *Client {
	return &Client{http: http.Client{Transport: local{h}}}
}

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// do sends a request and gives the answer when its status says that it succeeded.
func (c *Client) do(ctx context.Context, method, path string, q url.Values, body io.Reader) (*http.Response, error) {
	u := url.URL{Scheme: "http", Host: "reportmx", Path: path, RawQuery: q.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10)) // only a sentence for people
	return nil, errors.New(strings.TrimSpace(string(text)))
}

// Render copies a rendered answer to w and gives its count.
func (c *Client) Render(ctx context.Context, path string, q url.Values, w io.Writer) (int64, error) {
	res, err := c.do(ctx, http.MethodGet, path, q, nil)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	// Exports come in pieces of that size, which io.Copy would cut, as would a file that
	// reads by itself.
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, res.Body, make([]byte, 64<<10)); err != nil {
		return 0, fmt.Errorf("read answer: %w", err)
	}
	var e end
	if err := json.Unmarshal([]byte(res.Trailer.Get(endTrailer)), &e); err != nil {
		return 0, ErrCutShort
	}
	if e.Note != "" && c.Note != nil {
		c.Note(e.Note)
	}
	return e.Count, e.err()
}

// List gives each line of a list to line, without the end.
func (c *Client) List(ctx context.Context, path string, q url.Values, line func(json.RawMessage) error) error {
	return c.lines(ctx, http.MethodGet, path, q, line)
}

// Reparse gives each report that is read again to line.
func (c *Client) Reparse(ctx context.Context, o ReparseOrder, line func(Reparsed) error) error {
	q := make(url.Values)
	if o.CheckOnly {
		q.Set(paramCheck, "true")
	}
	return c.lines(ctx, http.MethodPost, "/v1/reparse", q, func(text json.RawMessage) error {
		var r Reparsed
		if err := json.Unmarshal(text, &r); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		return line(r)
	})
}

func (c *Client) lines(ctx context.Context, method, path string, q url.Values, line func(json.RawMessage) error) error {
	res, err := c.do(ctx, method, path, q, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	in := bufio.NewReader(res.Body)
	for {
		text, err := in.ReadBytes('\n')
		if err == io.EOF {
			return ErrCutShort
		}
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		var e end
		if err := json.Unmarshal(text, &e); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		if e.End || e.Error != "" {
			return e.err()
		}
		if err := line(text); err != nil {
			return err
		}
	}
}

// Send makes a change and reads the one object that answers it into v, unless v
// is nil.
func (c *Client) Send(ctx context.Context, method, path string, q url.Values, body io.Reader, v any) error {
	res, err := c.do(ctx, method, path, q, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if v == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(v); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}

func (e end) err() error {
	if e.Error != "" {
		return errors.New(e.Error)
	}
	return nil
}

// Text gives an answer as it is.
func (c *Client) Text(ctx context.Context, path string) (string, error) {
	res, err := c.do(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}
