package bolt

import (
	"math"
	"os"

	"go.etcd.io/bbolt"
)

// aheadBytes is how much is written ahead at a time, in bytes, and aheadLeast when: a
// commit of many messages still finds room in it.
const (
	aheadBytes = 1 << 20
	aheadLeast = 512 << 10
)

// zeros are as much as a page. Of what is written in larger pieces at once Linux keeps
// larger pieces, and counts a whole one as written whenever a page in it is.
var zeros [pageSize]byte

// ahead keeps zeros behind the pages in use. A sync of bytes that have their place on disk
// and are only overwritten writes just those. Where the file grows, or has a hole as bbolt
// leaves one, the file system has to find a place and to note it in its journal, and every
// commit would wait for that.
type ahead struct {
	file *os.File // bbolt's
	end  int64    // up to there it has been written
}

// writeAhead is called between transactions: nobody reads or writes behind the pages in
// use then, and what a power cut leaves there does not matter.
func (s *Store) writeAhead() {
	if s.broken || s.db == nil {
		return
	}
	var used int64
	if err := s.db.View(func(tx *bbolt.Tx) error { used = tx.Size(); return nil }); err != nil {
		return
	}
	if used+aheadLeast <= s.ahead.end {
		return
	}
	s.ahead.end = max(used, s.ahead.end)
	for end := s.ahead.end + aheadBytes; s.ahead.end < end; s.ahead.end += int64(len(zeros)) {
		if _, err := s.ahead.file.WriteAt(zeros[:], s.ahead.end); err != nil {
			// The disk is full, or worse. bbolt grows the file for itself, and a commit will
			// tell what is wrong.
			s.ahead.end = math.MaxInt64
			return
		}
	}
}
