package bolt

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// roleVariable names the part that a process of this test binary plays in a test
// of another one.
const roleVariable = "REPORTMX_TEST_ROLE"

func TestMain(m *testing.M) {
	var err error
	switch role := os.Getenv(roleVariable); role {
	case "":
		goleak.VerifyTestMain(m) // ends the process
	case "writer":
		err = writeUntilKilled(os.Args[1])
	case "reader":
		err = readDamaged(os.Args[1])
	case "migrator":
		err = migrateUntilKilled(os.Args[1])
	default:
		err = fmt.Errorf("there is no role %q", role)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
