package main

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// oldStore is a store that an older version wrote; fillStore in storage/bolt says
// what is in it.
const oldStore = "storage/bolt/testdata/schema1.db.gz"

// cmdOldStore unpacks it: oldstore FILE.
func cmdOldStore(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: oldstore FILE")
	}
	ts.Check(gunzip(oldStore, ts.MkAbs(args[0])))
}

func gunzip(from, to string) error {
	packed, err := os.Open(from)
	if err != nil {
		return err
	}
	defer packed.Close()
	z, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, z); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
