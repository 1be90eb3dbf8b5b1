package bolt

import "hash/maphash"

// stringTable gives the places of strings in a value's table. A map does the same
// in twice the time, and has to be emptied.
type stringTable struct {
	slots []uint32 // place + 1 at the hash of a string or behind it, 0 for none
	list  []string
}

var tableSeed = maphash.MakeSeed()

// tableSlots is how many slots a table has at first: a power of two.
const tableSlots = 256

// wordTable is the table with which every value begins.
var wordTable = func() stringTable {
	t := stringTable{slots: make([]uint32, tableSlots)}
	for _, s := range words {
		t.place(s)
	}
	return t
}()

// reset leaves only the words.
func (t *stringTable) reset() {
	t.list = append(t.list[:0], wordTable.list...)
	if len(t.slots) != tableSlots {
		t.slots = make([]uint32, tableSlots)
	}
	copy(t.slots, wordTable.slots)
}

// place gives the place of a string. One that was not known is now the last.
func (t *stringTable) place(s string) (place int, known bool) {
	mask := len(t.slots) - 1
	at := int(maphash.String(tableSeed, s)) & mask
	for t.slots[at] != 0 {
		place := int(t.slots[at] - 1)
		if t.list[place] == s {
			return place, true
		}
		at = (at + 1) & mask
	}
	t.list = append(t.list, s)
	t.slots[at] = uint32(len(t.list))
	if 2*len(t.list) > len(t.slots) {
		t.grow()
	}
	return len(t.list) - 1, false
}

func (t *stringTable) grow() {
	t.slots = make([]uint32, 2*len(t.slots))
	mask := len(t.slots) - 1
	for i, s := range t.list {
		at := int(maphash.String(tableSeed, s)) & mask
		for t.slots[at] != 0 {
			at = (at + 1) & mask
		}
		t.slots[at] = uint32(i + 1)
	}
}
