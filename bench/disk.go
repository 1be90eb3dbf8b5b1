package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// latency compares one session, mail after mail, with bare syncs in the same folder.
func (b *bench) latency(ctx context.Context) error {
	b.section("one session, one mail after another")
	server, err := startReportmx(b.binary, b.folder(), refusing)
	if err != nil {
		return err
	}
	mails := b.mails[:min(len(b.mails), 3000)]
	syncs, err := bareSyncs(server.dir, len(mails)/2)
	var r rate
	var own histogram
	if err == nil {
		r, err = measure(server.child, mails, shape{sessions: 1, per: many})
	}
	if err == nil {
		own, err = server.latency(ctx)
	}
	if err := errors.Join(err, server.end()); err != nil {
		return err
	}
	more, err := bareSyncs(server.dir, len(mails)/2)
	if err != nil {
		return err
	}
	syncs = append(syncs, more...)
	b.syncMedian, b.dataMedian = quantile(syncs, 0.5), quantile(r.waits, 0.5)
	b.printf("bare write of 4 KiB and fsync: median %.0f µs, 99 %% %.0f µs\n", micros(b.syncMedian), micros(quantile(syncs, 0.99)))
	b.printf("DATA to 250:                   median %.0f µs, 99 %% %.0f µs\n", micros(b.dataMedian), micros(quantile(r.waits, 0.99)))
	b.printf("the server's own measure, last byte to reply: mean %.0f µs, half within %.0f µs, 99 %% within %.0f µs\n",
		own.sum/own.count*1e6, own.quantile(0.5)*1e6, own.quantile(0.99)*1e6)
	return nil
}

// bareSyncs appends pages to a file, each with an fsync.
func bareSyncs(dir string, n int) ([]time.Duration, error) {
	f, err := os.Create(filepath.Join(dir, "syncs"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	page := make([]byte, 4096)
	var list []time.Duration
	for range n {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		list = append(list, time.Since(start))
	}
	return list, os.Remove(f.Name())
}

// disk fills the store that the rest of the run reads, and says where its bytes are.
func (b *bench) disk() error {
	b.section("bytes on disk")
	server, err := startReportmx(b.binary, b.folder(), refusing)
	if err != nil {
		return err
	}
	if _, err = measure(server.child, b.mails, shape{sessions: 50, per: many}); err == nil {
		_, err = server.holds(len(b.mails))
	}
	if err := errors.Join(err, server.end()); err != nil {
		return err
	}
	b.full = server
	file, sizes, err := bucketSizes(server.store())
	if err != nil {
		return err
	}
	n := int64(len(b.mails))
	b.fileShare = float64(file) / float64(sizes["aggregate"]+sizes["raw"])
	b.printf("%d reports: file %d B a report; stored values %d B, compressed raw messages %d B, identity %d B, domain index %d B; file %.2f × (value + raw)\n",
		n, file/n, sizes["aggregate"]/n, sizes["raw"]/n, sizes["identity"]/n, sizes["domain"]/n, b.fileShare)
	return nil
}

// bucketSizes adds up keys and values, bucket by bucket.
func bucketSizes(path string) (file int64, sizes map[string]int64, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, nil, err
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		return 0, nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer db.Close()
	sizes = make(map[string]int64)
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
			return bucket.ForEach(func(k, v []byte) error {
				sizes[string(name)] += int64(len(k) + len(v))
				return nil
			})
		})
	})
	return info.Size(), sizes, err
}

// holds checks that the server stored every mail as a report.
func (s *server) holds(want int) (string, error) {
	o, err := s.command("status", "--json")
	if err != nil {
		return "", err
	}
	if count := fmt.Sprintf(`"aggregate":%d`, want); !strings.Contains(strings.ReplaceAll(o.out, " ", ""), count) {
		return "", fmt.Errorf("the store should have %s reports: %s", count, o.out)
	}
	return o.out, nil
}
