package bolt

import (
	"os"

	"go.etcd.io/bbolt"
)

// How much is kept written ahead, in bytes: twice what the last commit needed, within
// these bounds, and aheadLeast more when it is written.
const (
	aheadLeast = 512 << 10
	aheadMost  = 4 << 20
)

// zeros are as much as a page. Of what is written in larger pieces at once Linux keeps
// larger pieces, and counts a whole one as written whenever a page in it is.
var zeros [pageSize]byte

// ahead keeps zeros behind the pages in use, from the first commit on. A sync of bytes that
// have their place on disk and are only overwritten writes just those. Where the file
// grows, or has a hole as bbolt leaves one, the file system has to find a place and to note
// it in its journal, and the commit waits for that.
type ahead struct {
	file *os.File // bbolt's
	used int64    // bytes of the pages in use after the last commit, 0 before it
	end  int64    // up to there it has been written
}

// writeAhead is called by the committer, after a transaction: the pages in use only become
// more, so no other, of now or of before a crash, reaches behind them.
func (s *Store) writeAhead() {
	if s.broken {
		return
	}
	var used int64
	if err := s.view(func(tx *bbolt.Tx) error { used = tx.Size(); return nil }); err != nil {
		return
	}
	from, end := s.ahead.next(used)
	for at := from; at < end; at += int64(len(zeros)) {
		if _, err := s.ahead.file.WriteAt(zeros[:], at); err != nil {
			// The disk is full, or worse: a commit will tell. bbolt grows the file for
			// itself, and when that room is used this is tried again.
			return
		}
	}
}

// next tells from where to where is to be written, now that so many bytes are in use.
func (a *ahead) next(used int64) (from, end int64) {
	room := int64(aheadLeast)
	if a.used > 0 {
		room = min(max(room, 2*(used-a.used)), aheadMost)
	}
	a.used = used
	if used+room <= a.end {
		return a.end, a.end
	}
	from = max(used, a.end)
	a.end = used + room + aheadLeast
	return from, a.end
}
