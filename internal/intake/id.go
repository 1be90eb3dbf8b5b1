package intake

import (
	"crypto/rand"
	"strings"
)

// newID makes the id of a message: in the reply, the Received line and the log,
// so that a postmaster and the administrator speak of the same thing.
func newID() string { return strings.ToLower(rand.Text()[:16]) }
