package command

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxImport is the most bytes that one file or message of an mbox may have: more
// than a server takes by mail, and still no danger to the machine.
const maxImport = 256 << 20

// walkFiles calls file for a file, or for each file below a folder. Of a Maildir it
// takes the messages and leaves the indexes of mail programs.
func walkFiles(path string, file func(string)) error {
	return filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			if filepath.Base(p) == "tmp" && isMaildir(filepath.Dir(p)) {
				return fs.SkipDir // not yet delivered
			}
		case isMaildir(filepath.Dir(p)): // beside cur, new and tmp stand only indexes
		case d.Type().IsRegular() || p == path:
			file(p)
		}
		return nil
	})
}

func isMaildir(dir string) bool {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if info, err := os.Stat(filepath.Join(dir, sub)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

// splitMessages gives each message of an mbox, or all of r as one. An mbox is told
// by its first line (RFC 4155).
func splitMessages(r io.Reader, name string, each func(name string, message []byte) error) error {
	in := bufio.NewReaderSize(r, 1<<16)
	start, err := in.Peek(len(fromLine))
	if err != nil && err != io.EOF {
		return err
	}
	if string(start) != fromLine {
		message, err := readAll(in)
		if err != nil {
			return err
		}
		return each(name, message)
	}
	return splitMbox(in, name, each)
}

const fromLine = "From "

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxImport+1))
	if err == nil && len(data) > maxImport {
		err = fmt.Errorf("larger than the %d MiB that import reads at once", maxImport>>20)
	}
	return data, err
}

// splitMbox cuts at lines that begin with "From " after an empty line, and takes
// one ">" away where it was put before a "From " of the text (mboxrd).
func splitMbox(in *bufio.Reader, name string, each func(string, []byte) error) error {
	var message []byte
	number, blank := 0, true
	for {
		line, err := in.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return err
		}
		done := err == io.EOF
		begins := blank && bytes.HasPrefix(line, []byte(fromLine))
		if (begins || done) && number > 0 {
			message = append(message, unlessBegin(line, begins)...)
			if err := each(fmt.Sprintf("%s message %d", name, number), message); err != nil {
				return err
			}
		}
		if done {
			return nil
		}
		if begins {
			number++
			message = nil
		} else {
			message = append(message, unquote(line)...)
		}
		if len(message) > maxImport {
			return fmt.Errorf("message %d is larger than the %d MiB that import reads at once", number, maxImport>>20)
		}
		blank = len(bytes.TrimRight(line, "\r\n")) == 0
	}
}

// unlessBegin is what the last, unfinished line adds to its message.
func unlessBegin(line []byte, begins bool) []byte {
	if begins {
		return nil
	}
	return unquote(line)
}

func unquote(line []byte) []byte {
	if rest := bytes.TrimLeft(line, ">"); len(rest) < len(line) && bytes.HasPrefix(rest, []byte(fromLine)) {
		return line[1:]
	}
	return line
}
