package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"reportmx/storage"
)

// The keys of the meta bucket.
var (
	keySchema   = []byte("schema")
	keyCreated  = []byte("created")
	keyCounters = []byte("counters")
)

// ensure makes the store at path when there is none.
func ensure(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir := filepath.Dir(path)
	if err := makeFolder(dir); err != nil {
		return err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	// Two processes that find no store must not both make one.
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock folder: %w", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return create(path, folder)
}

func makeFolder(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return err
	}
	defer parent.Close()
	return parent.Sync()
}

// pageSize is that of a new file, in bytes. A compressed message has some 2 KB: of
// pages of 4 KiB nearly half would stay empty (measured: 5.1 KB of file for 2.7 KB
// of values, 3.7 KB with pages of 8 KiB, no less with 16 KiB).
const pageSize = 8 << 10

// create makes a whole store beside path and renames it: a power cut leaves
// either no store or one that opens.
func create(path string, folder *os.File) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := bbolt.Open(temp, 0o600, &bbolt.Options{Timeout: lockWait, NoStatistics: true, PageSize: pageSize})
	if err != nil {
		return err
	}
	err = db.Update(layOut)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return folder.Sync()
}

func layOut(tx *bbolt.Tx) error {
	for _, name := range buckets {
		if _, err := tx.CreateBucket([]byte(name)); err != nil {
			return err
		}
	}
	meta := tx.Bucket([]byte(bucketMeta))
	if err := meta.Put(keySchema, binary.BigEndian.AppendUint64(nil, schemaVersion)); err != nil {
		return err
	}
	return meta.Put(keyCreated, []byte(time.Now().UTC().Format(time.RFC3339)))
}

// readLayout tells how the file is laid out, if this program knows it. The version
// stands outside of all codecs, so that any version can read it.
func readLayout(tx *bbolt.Tx) (l layout, err error) {
	meta := tx.Bucket([]byte(bucketMeta))
	if meta == nil {
		return l, fmt.Errorf("%w: it is a bbolt file, but none of reportmx", storage.ErrDamaged)
	}
	v := meta.Get(keySchema)
	if len(v) != 8 {
		return l, fmt.Errorf("%w: the schema version is %d bytes long", storage.ErrDamaged, len(v))
	}
	l.schema = binary.BigEndian.Uint64(v)
	if l.schema > schemaVersion {
		return l, fmt.Errorf("%w: its schema is %d, this program knows %d", storage.ErrNewer, l.schema, schemaVersion)
	}
	if l.schema < schemaFirst {
		return l, fmt.Errorf("%w: there is no schema %d", storage.ErrDamaged, l.schema)
	}
	for _, name := range l.buckets() {
		if tx.Bucket([]byte(name)) == nil {
			return l, fmt.Errorf("%w: the bucket %s is missing", storage.ErrDamaged, name)
		}
	}
	v = meta.Get(keyMigrated)
	if v == nil {
		return l, nil
	}
	if len(v) != 8 || l.schema == schemaFirst {
		return l, fmt.Errorf("%w: how far it is migrated cannot be told", storage.ErrDamaged)
	}
	l.unfinished, l.migrated = true, binary.BigEndian.Uint64(v)
	return l, nil
}
