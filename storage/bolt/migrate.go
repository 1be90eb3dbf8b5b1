package bolt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"reportmx/reports"
	"reportmx/storage"
)

// The schemas. A store of an older one is brought up to date when it is opened to
// be written, after a copy of it was made beside it.
const (
	schemaFirst   = 1 // without columns
	schemaVersion = 2 // what the package comment shows
)

// keyMigrated stands in the meta bucket while the columns of a store are being made:
// those of reports up to this sequence number are there. The schema is the new one
// from the first step on, so that an older program leaves the store alone.
var keyMigrated = []byte("migrated")

// backupSuffix is what the copy of an older store has at the end of its name.
const backupSuffix = ".schema-1"

// migrateStep is how many values are made in one transaction: few megabytes.
const migrateStep = 2000

// progressEvery is how often the log tells how far a migration is.
const progressEvery = 5 * time.Second

// layout is how a file is laid out.
type layout struct {
	schema     uint64
	unfinished bool   // the columns of some reports have still to be made
	migrated   uint64 // with unfinished: of those above this number
}

// current tells whether all is there that this program reads.
func (l layout) current() bool { return l.schema == schemaVersion && !l.unfinished }

// buckets are those that a store of this layout has.
func (l layout) buckets() []string {
	if l.schema == schemaFirst {
		return buckets[:len(buckets)-1]
	}
	return buckets[:]
}

// migrate brings a store up to date. It may be interrupted at any moment: what was
// done stays, and the next time goes on from there. It runs before the committer.
func (s *Store) migrate() error {
	m := &migration{store: s, most: s.options.migrateStep, progress: s.options.Progress, told: time.Now()}
	if err := m.tell(); err != nil {
		return err
	}
	if s.layout.schema == schemaFirst {
		path := s.path + backupSuffix
		s.options.Logger.Info("bringing the store up to date, after a copy of it", "schema", schemaVersion, "backup", path)
		if err := s.backUp(path); err != nil {
			return fmt.Errorf("copy the store to %s before it is brought up to date: %w", path, err)
		}
		if err := m.write(0, nil); err != nil {
			return fmt.Errorf("bring the store up to date: %w", err)
		}
	}
	if err := m.columns(); err != nil {
		return fmt.Errorf("bring the store up to date: %w", err)
	}
	s.layout = layout{schema: schemaVersion}
	s.options.Logger.Info("the store is up to date; delete the backup when all is well", "schema", schemaVersion, "backup", s.path+backupSuffix)
	return nil
}

// migration makes the columns that an older program did not write.
type migration struct {
	store    *Store
	most     int // values in one transaction
	progress func(done, all int64) error
	told     time.Time
}

// made is a value that waits to be put.
type made struct {
	key      []byte
	value    *value
	conflict bool
}

// columns makes those of all reports that have none.
func (m *migration) columns() error {
	var batch []made
	q := storage.Query{Kind: reports.KindAggregate, After: m.store.layout.migrated}
	for r, err := range m.store.Reports(context.Background(), q) {
		if err != nil {
			return err
		}
		v, err := m.store.codec.columnsOf(r)
		if err != nil {
			return err
		}
		batch = append(batch, made{chunkKey(r.Seq, uint32(r.Chunk)), v, r.Conflict})
		if r.Last && len(batch) >= m.most {
			if err := m.write(r.Seq, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	return m.write(finished, batch)
}

// finished is the sequence number after which there is none.
const finished = 1<<64 - 1

// write puts values, and notes up to which number all are there.
func (m *migration) write(upTo uint64, batch []made) error {
	_, err := m.store.attempt([]*job{{apply: func(t *txn) error {
		if err := markMigrated(t.tx, upTo); err != nil {
			return err
		}
		t.dirty = true
		for i := range batch {
			if err := t.put(bucketColumns, batch[i].key, batch[i].value, columnStamp(batch[i].conflict)); err != nil {
				return err
			}
		}
		return nil
	}}})
	if err != nil {
		return err
	}
	if err := m.tell(); upTo != finished {
		return err
	}
	return nil // there is nothing left to be stopped
}

// markMigrated makes the file say how far it is.
func markMigrated(tx *bbolt.Tx, upTo uint64) error {
	if _, err := tx.CreateBucketIfNotExists([]byte(bucketColumns)); err != nil {
		return err
	}
	meta := tx.Bucket([]byte(bucketMeta))
	if err := meta.Put(keySchema, binary.BigEndian.AppendUint64(nil, schemaVersion)); err != nil {
		return err
	}
	if upTo == finished {
		return meta.Delete(keyMigrated)
	}
	return meta.Put(keyMigrated, binary.BigEndian.AppendUint64(nil, upTo))
}

// tell says how far it is, in chunks of reports.
func (m *migration) tell() error {
	keys := m.store.now().Keys
	done, all := keys[slices.Index(buckets[:], bucketColumns)], keys[slices.Index(buckets[:], bucketAggregate)]
	if time.Since(m.told) >= progressEvery {
		m.told = time.Now()
		m.store.options.Logger.Info("bringing the store up to date", "done", done, "of", all)
	}
	if m.progress == nil {
		return nil
	}
	return m.progress(done, all)
}

// backUp makes a whole copy of the store beside it. One that is there was made from
// this same store, shortly before the process was stopped.
func (s *Store) backUp(path string) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = s.view(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = replace(temp, path)
	}
	if err != nil {
		os.Remove(temp)
	}
	return err
}
