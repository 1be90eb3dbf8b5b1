package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// files checks that the files named are there. Deliberately no more than that: a
// command may run as somebody who cannot read the key.
func (c *check) files() {
	s := c.cfg.SMTP
	c.missing("smtp.certificate", s.Certificate)
	c.missing("smtp.key", s.Key)
	switch {
	case s.Certificate != "" && s.Key == "":
		c.wrong("smtp.certificate", s.Certificate, "a certificate needs its key; add smtp.key")
	case s.Certificate == "" && s.Key != "":
		c.wrong("smtp.key", s.Key, "a key needs its certificate; add smtp.certificate")
	}
	c.missing("failure.redact_key", c.cfg.Failure.RedactKey)
	dir := c.cfg.Storage.Dir
	info, err := os.Stat(dir)
	switch {
	case dir == "":
		c.wrong("storage.dir", dir, `empty; write the folder of the store, such as "data"`)
	case err == nil && !info.IsDir():
		c.wrong("storage.dir", dir, "a file; name a folder, or one that does not exist yet")
	}
	c.databases()
	c.socket()
}

// databases checks no more than their names: whether they are there is a matter of
// each export, and no reason for the server not to start.
func (c *check) databases() {
	for _, path := range c.cfg.Enrich.Databases {
		info, err := os.Stat(path)
		switch {
		case path == "":
			c.wrong("enrich.databases", path, "empty; write the path of a file in MaxMind's format")
		case err == nil && info.IsDir():
			c.wrong("enrich.databases", path, "a folder; name the files in it")
		}
	}
}

// credentials is where systemd puts what LoadCredential names (systemd.exec(5)), only
// while the service runs: other commands need not find it there, and the server says
// so itself if it does not.
const credentials = "/run/credentials/"

// missing tells whether a file that is named does not exist, and notes it.
func (c *check) missing(key, path string) bool {
	if path == "" {
		return false
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(path, credentials):
		return false
	case errors.Is(err, fs.ErrNotExist):
		c.wrong(key, path, "no such file; mend the path, which is relative to the working directory, or make the file")
	case err == nil && info.IsDir():
		c.wrong(key, path, "a folder; name a file in it")
	default:
		return false
	}
	return true
}

// socket fills in the path of the control socket, and checks that the kernel
// takes it and that nothing else is there.
func (c *check) socket() {
	const longest = 107 // bytes in sun_path, less the NUL (unix(7))
	path := &c.cfg.Control.Socket
	if *path == "" {
		dir := os.Getenv("RUNTIME_DIRECTORY")
		dir, _, _ = strings.Cut(dir, ":")
		if dir == "" {
			dir = c.cfg.Storage.Dir
		}
		*path = filepath.Join(dir, "control.sock")
	}
	if len(*path) > longest {
		c.wrong("control.socket", *path, "longer than the %d bytes that a Unix socket may have; choose a shorter path", longest)
	}
	if info, err := os.Lstat(*path); err == nil && info.Mode()&os.ModeSocket == 0 {
		c.wrong("control.socket", *path, "there and no socket; name a path where nothing is yet")
	}
}
