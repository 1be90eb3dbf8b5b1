package bolt

import (
	"encoding/binary"
	"fmt"

	"reportmx/storage"
)

// senderPassed is the sender authentication of a held message that does not give way
// to others.
const senderPassed = "pass"

// makeRoom drops the oldest held messages whose sender did not pass until the new one
// fits.
func (p *batch) makeRoom(t *txn) error {
	p.outcome.Evicted = nil
	for p.quota > 0 && t.counters.HeldBytes+p.bytes > p.quota {
		seq, err := t.oldestUnproven()
		if err != nil {
			return err
		}
		if seq == 0 {
			return fmt.Errorf("%w: %d bytes of at most %d", storage.ErrHoldFull, t.counters.HeldBytes, p.quota)
		}
		if err := t.dropHeld(seq); err != nil {
			return err
		}
		p.outcome.Evicted = append(p.outcome.Evicted, seq)
	}
	return nil
}

// oldestUnproven gives the number of the oldest held message whose sender did not
// pass, 0 when there is none. What it has passed by is remembered beyond this
// transaction, however it ends: senders do not change, and a number that was
// committed is not given again.
func (t *txn) oldestUnproven() (uint64, error) {
	c := t.tx.Bucket([]byte(bucketHeld)).Cursor()
	for k, v := c.Seek(seqKey(*t.passed + 1)); k != nil; k, v = c.Next() {
		at := stored{bucketHeld, k, v}
		if len(k) != 8 {
			return 0, at.damaged("its key is no number")
		}
		seq := binary.BigEndian.Uint64(k)
		h, err := t.codec.held(seq, at)
		if err != nil {
			return 0, err
		}
		if h.Message.Sender.Result != senderPassed {
			return seq, nil
		}
		if seq <= t.began {
			*t.passed = seq
		}
	}
	return 0, nil
}
