package bolt

import (
	"runtime"
	"slices"
	"sync"

	"reportmx/storage"
)

// maxGroup bounds what one transaction takes, in bytes of values: bbolt holds all
// of it in memory a second time until it is written. A single job may be larger.
const maxGroup = 8 << 20

// job is one change that waits for the committer.
type job struct {
	// apply makes the change. It is run again, in a new transaction, when another
	// job of its group failed, so it must start from nothing each time.
	apply func(t *txn) error
	size  int        // bytes of its values
	done  chan error // gets one answer, and has room for it
}

// queue holds the jobs that wait.
type queue struct {
	mu   sync.Mutex
	cond *sync.Cond
	jobs []*job
	end  error // why nothing more is taken; nil as long as it is
}

func newQueue() *queue {
	q := &queue{}
	q.cond = sync.NewCond(&q.mu)
	return q
}

// add queues a job, or says why not.
func (q *queue) add(j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.end != nil {
		return q.end
	}
	q.jobs = append(q.jobs, j)
	q.cond.Signal()
	return nil
}

// withdraw takes a job back, unless the committer has it already.
func (q *queue) withdraw(j *job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.jobs, j)
	if i < 0 {
		return false
	}
	q.jobs = slices.Delete(q.jobs, i, i+1)
	return true
}

// take waits for jobs and gives as many as one transaction takes; none means that
// the queue has been closed and is empty.
func (q *queue) take() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.gather(); len(q.jobs) == 0 && q.end == nil; q.gather() {
		q.cond.Wait()
	}
	n := q.fitting()
	group := slices.Clone(q.jobs[:n])
	q.jobs = slices.Delete(q.jobs, 0, n)
	return group
}

// fitting is how many of the jobs one transaction takes.
func (q *queue) fitting() int {
	n, size := 0, 0
	for n < len(q.jobs) && (n == 0 || size+q.jobs[n].size <= maxGroup) {
		size += q.jobs[n].size
		n++
	}
	return n
}

// gather lets those run that are ready to, as long as that brings jobs which fit: what a
// transaction costs is shared by more of them. The first job waits for work that has to
// be done anyway; where nobody is ready it waits for nothing. The caller holds the lock.
func (q *queue) gather() {
	for before := 0; before < len(q.jobs) && q.fitting() == len(q.jobs); {
		before = len(q.jobs)
		q.mu.Unlock()
		runtime.Gosched()
		q.mu.Lock()
	}
}

// close lets nothing more in.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.end == nil {
		q.end = storage.ErrClosed
	}
	q.cond.Signal()
}

// fail gives all that wait, and all that come, one answer.
func (q *queue) fail(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.end = err
	for _, j := range q.jobs {
		j.done <- err
	}
	q.jobs = nil
}
