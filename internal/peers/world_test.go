package peers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// runInWorld runs this test binary again as the first process of new namespaces:
// a network of its own where port 25 and 53 are free, mounts of its own, and
// processes that all end with it.
func runInWorld() (code int, err error) {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), binaryVariable+"="+program)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// makeWorld brings up the loopback network and puts our DNS in place of the host's.
func makeWorld() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount proc: %w", err)
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("ip link set lo up: %w: %s", err, out)
	}
	if err := putEtc(); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	return putSoftware()
}

// putEtc lets all programs ask our DNS, and know the users of the servers that are
// unpacked and not installed.
func putEtc() error {
	const users = `Debian-exim:x:9001:9001::/nonexistent:/usr/sbin/nologin
opensmtpd:x:9002:9002::/var/lib/opensmtpd/empty:/usr/sbin/nologin
opensmtpq:x:9003:9003::/var/lib/opensmtpd/empty:/usr/sbin/nologin
`
	const groups = "Debian-exim:x:9001:\nopensmtpd:x:9002:\nopensmtpq:x:9003:\n"
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return err
	}
	group, err := os.ReadFile("/etc/group")
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"resolv.conf": "nameserver 127.0.0.1\n",
		"hosts":       "127.0.0.1 localhost\n",
		"passwd":      string(passwd) + users,
		"group":       string(group) + groups,
	} {
		file := filepath.Join(filepath.Dir(program), name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return err
		}
		if err := syscall.Mount(file, "/etc/"+name, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", name, err)
		}
	}
	return nil
}

// putSoftware shows Exim and OpenSMTPD, which Debian does not install beside Postfix
// and which deep.sh unpacks into $REPORTMX_PEERS_SOFTWARE, where they expect to be.
func putSoftware() error {
	software := os.Getenv("REPORTMX_PEERS_SOFTWARE")
	if software == "" {
		return errors.New("REPORTMX_PEERS_SOFTWARE is not set: start internal/peers/deep.sh")
	}
	state := filepath.Join(filepath.Dir(program), "state")
	if err := os.Mkdir(state, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount("tmpfs", state, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for target, below := range map[string]string{
		"/usr/sbin":  filepath.Join(software, "exim/usr/sbin") + ":" + filepath.Join(software, "opensmtpd/usr/sbin"),
		"/var/spool": "",
		"/var/lib":   "",
	} {
		upper, work := filepath.Join(state, target, "upper"), filepath.Join(state, target, "work")
		if err := errors.Join(os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755)); err != nil {
			return err
		}
		lower := target
		if below != "" {
			lower += ":" + below
		}
		options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
		if err := syscall.Mount("overlay", target, "overlay", 0, options); err != nil {
			return fmt.Errorf("mount an overlay on %s: %w", target, err)
		}
	}
	return nil
}
