// Package bolt is the storage engine on one bbolt file.
//
// What stands in the file, bucket by bucket (numbers are 8 bytes, big endian):
//
//	meta            schema, created, counters
//	aggregate       sequence ‖ chunk (4 bytes) → report, then its further records
//	tls             the same
//	failure         the same: personal data, apart for a retention of its own
//	raw             sequence → the message, for aggregate and TLS reports
//	failure-raw     sequence → the message, when it held a failure report
//	identity        begin ‖ 16 bytes of identity ‖ 16 bytes of content → kind, sequence
//	domain          reversed policy domain ‖ begin ‖ sequence → kind
//	held            sequence → what is known of a held message
//	held-raw        sequence → the held message
//	held-hash       SHA-256 → sequence
//	columns         as aggregate → what summaries need of a report (columns.go)
//
// Each value starts with the version of its form, its encoding and a CRC-32C over
// itself, its bucket and its key: bbolt has no checksums of its own but for its
// two meta pages, and a flipped bit must be an error and never another number.
//
// One goroutine commits. It takes all that has queued up while the last sync ran,
// and what those add that are ready to run, into one transaction, so that the cost
// of a sync is shared when there is load and nobody waits for a timer when there is
// none.
//
// Keys of identity and domain come in no order. They wait in memory for each other,
// also beyond a crash: see late.go.
//
// Readers take short read transactions and copy what they found before they let
// go of it: an open one keeps bbolt from reusing pages and from growing its map.
package bolt

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"

	"reportmx/storage"
)

// lockWait is how long Open waits for another process by default. A server that
// stops lets go within it; a person at a terminal still waits for it.
const lockWait = 2 * time.Second

// mapSize is how much address space is mapped at first. It costs neither memory
// nor disk, and until the file has outgrown it no writer waits for readers to map
// it anew. 1 GiB also fits a 32-bit process.
const mapSize = 1 << 30

// growBytes is by how much bbolt makes the file longer, in bytes, when a commit needs more
// than is written ahead. Each time costs a sync; its own 16 MiB would be most of a small
// store.
const growBytes = 4 << 20

// Options are the ways to open a store. The zero value opens it to write.
type Options struct {
	ReadOnly bool          // the file must exist; Commit and DropHeld fail
	Timeout  time.Duration // how long to wait for another process; 0 means 2 s
	Logger   *slog.Logger  // nil discards
	// Progress is called while a store of an older version is brought up to date,
	// with the chunks of reports that are done, and all. An error stops it; the next
	// Open goes on.
	Progress func(done, all int64) error

	anyLayout   bool   // with ReadOnly: an older one is read as it is
	migrateStep int    // 0 means migrateStep
	maxLate     int    // 0 means maxLate
	reopenAfter uint64 // 0 means reopenAfter
}

func (o Options) withDefaults() Options {
	o.Timeout = cmp.Or(o.Timeout, lockWait)
	o.migrateStep = cmp.Or(o.migrateStep, migrateStep)
	o.maxLate = cmp.Or(o.maxLate, maxLate)
	o.reopenAfter = cmp.Or(o.reopenAfter, reopenAfter)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Store is an open file. All its methods may be called at the same time.
type Store struct {
	path    string
	options Options
	opening sync.RWMutex // db: held to read it by whoever reads the file
	db      *bbolt.DB    // nil when it could not be opened again
	codec   *codec
	layout  layout
	queue   *queue
	done    chan struct{} // closed when the committer has ended

	// The committer's own.
	saved    counters // as they stand in the file
	broken   bool     // what is on disk is not known
	passed   uint64   // see txn
	reopenAt uint64   // the sequence number from which on the file is opened again
	ahead    ahead

	mu       sync.Mutex
	counters counters // written by the committer only
	late     lateKeys // the same

	copying sync.Mutex // Copy
}

// Open opens the file at path and, unless it is to be read only, makes it and its
// folder when they are missing. The errors to decide on are storage.ErrLocked,
// ErrNewer and ErrDamaged; with ReadOnly also ErrOlder and fs.ErrNotExist. A store of
// an older version is first brought up to date, which may take minutes.
func Open(path string, o Options) (*Store, error) {
	s, err := open(path, o)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	return s, nil
}

func open(path string, o Options) (*Store, error) {
	o = o.withDefaults()
	if !o.ReadOnly {
		if err := ensure(path); err != nil {
			return nil, err
		}
	}
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, options: o, codec: codec, queue: newQueue(), done: make(chan struct{})}
	if err = s.openFile(); err == nil {
		err = s.load()
	}
	if err == nil && !s.layout.current() {
		err = s.bringUpToDate()
	}
	if err != nil {
		return nil, errors.Join(err, s.closeFile())
	}
	if o.ReadOnly {
		close(s.done)
	} else {
		s.reopenAt = s.saved.Seq + o.reopenAfter
		go s.commitLoop()
	}
	return s, nil
}

func (s *Store) openFile() (err error) {
	s.ahead = ahead{}
	s.db, s.ahead.file, err = openFile(s.path, s.options)
	return err
}

// openFile opens the file with bbolt, and gives what bbolt reads and writes it by. An empty file is refused: bbolt would make
// a new store of it, and what was there would be gone without a word.
func openFile(path string, o Options) (db *bbolt.DB, file *os.File, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.Size() == 0 {
		return nil, nil, fmt.Errorf("%w: the file is empty", storage.ErrDamaged)
	}
	err = guard(func() error {
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			OpenFile: func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
				file, err = os.OpenFile(name, flag&^os.O_CREATE, mode)
				return file, err
			},
			ReadOnly:        o.ReadOnly,
			Timeout:         o.Timeout,
			InitialMmapSize: mapSize,
			FreelistType:    bbolt.FreelistMapType,
			NoStatistics:    true,
		})
		return err
	})
	if err == nil {
		db.AllocSize = growBytes
	}
	if err != nil && file != nil {
		// After a panic bbolt still has the file locked and mapped, and the lock
		// lives as long as the map.
		_ = unix.Flock(int(file.Fd()), unix.LOCK_UN)
		file.Close()
	}
	if err == nil {
		if same, err := sameFile(path, file); err != nil || !same {
			if err := errors.Join(err, db.Close()); err != nil {
				return nil, nil, err
			}
			return openFile(path, o)
		}
	}
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, nil, lockedError(path)
	case isSystemError(err):
		return nil, nil, err
	case err != nil && !errors.Is(err, storage.ErrDamaged):
		return nil, nil, fmt.Errorf("%w: %w", storage.ErrDamaged, err)
	}
	return db, file, err
}

// load checks that the file is whole and ours, and reads the counters.
func (s *Store) load() error {
	return s.view(func(tx *bbolt.Tx) error {
		info, err := os.Stat(s.path)
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%w: the file has %d bytes and should have %d", storage.ErrDamaged, info.Size(), tx.Size())
		}
		if s.layout, err = readLayout(tx); err != nil {
			return err
		}
		if s.saved, err = s.loadCounters(tx); err != nil {
			return err
		}
		s.counters = s.saved
		return s.loadLate(tx)
	})
}

// bringUpToDate makes the store one that this program reads, if it may.
func (s *Store) bringUpToDate() error {
	switch {
	case !s.options.ReadOnly:
		return s.migrate()
	case s.options.anyLayout:
		return nil
	}
	return fmt.Errorf("%w: the server, or any command that changes the store, brings it up to date when it opens it", storage.ErrOlder)
}

// Close waits for what is being committed, then lets go of the file. What is
// still queued is committed, what comes later gets storage.ErrClosed.
func (s *Store) Close() error {
	s.queue.close()
	<-s.done
	if err := s.closeFile(); err != nil {
		return fmt.Errorf("close store: %w", err)
	}
	return nil
}

func (s *Store) closeFile() error {
	s.codec.close()
	if s.db == nil {
		return nil
	}
	if s.broken {
		// The transaction that failed may still hold bbolt's lock, and there is
		// nothing left to save: the process is about to end.
		return nil
	}
	return s.db.Close()
}

// view runs read in a read transaction. Nothing that it was given may be used
// after it has returned: the bytes are the mapped file.
func (s *Store) view(read func(tx *bbolt.Tx) error) error {
	s.opening.RLock()
	defer s.opening.RUnlock()
	if s.db == nil {
		return storage.ErrClosed
	}
	err := guard(func() error { return s.db.View(read) })
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return storage.ErrClosed
	}
	return err
}

func (s *Store) fileBytes() (int64, error) {
	info, err := os.Stat(s.path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
