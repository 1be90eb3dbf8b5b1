package intake

import (
	"context"
	"errors"
	"testing"

	"reportmx/reports"
)

// reading is a message whose reports take so many bytes.
func reading(bytes int64, times *int) *message {
	return &message{find: func(l reports.Limits) reports.Found {
		*times++
		if l.Reserve == nil {
			return reports.Found{}
		}
		return reports.Found{Denied: l.Reserve(bytes)}
	}}
}

// TestWorkroom holds that messages share the memory for reading: what fits goes on at
// once, what does not waits for all of it and is read again.
func TestWorkroom(t *testing.T) {
	in := &Intake{work: newWorkroom()}
	ctx := context.Background()
	first, err := in.work.enter(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	times := 0
	if _, err := in.read(ctx, reading(workMemory/2, &times), first); err != nil || times != 1 {
		t.Errorf("within what is free: got %v, read %d times, want nil and once", err, times)
	}

	second, err := in.work.enter(ctx, 1000)
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	times = 0
	if _, err := in.read(over, reading(workMemory/2, &times), second); !errors.Is(err, errNoRoom) || times != 1 {
		t.Errorf("while another has it: got %v, read %d times, want %v and once", err, times, errNoRoom)
	}
	if second.got != 0 {
		t.Errorf("whoever waited in vain holds %d bytes", second.got)
	}

	first.leave()
	times = 0
	if _, err := in.read(ctx, reading(workMemory+1, &times), second); err != nil || times != 2 || second.got != workMemory {
		t.Errorf("alone: got %v, read %d times, %d bytes, want nil, twice, %d", err, times, second.got, int64(workMemory))
	}
	second.leave()
	if !in.work.TryAcquire(workMemory) {
		t.Error("not all of the memory came back")
	}
}

// TestWorkroomOfLargeMessages holds that one of any size can enter.
func TestWorkroomOfLargeMessages(t *testing.T) {
	d, err := newWorkroom().enter(context.Background(), 1<<30)
	if err != nil || d.got != workMemory {
		t.Errorf("got %v, %d bytes, want nil and all", err, d.got)
	}
}
