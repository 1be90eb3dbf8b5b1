package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/viper"
)

// Load reads and checks the configuration in the file path. Without a path it is
// that of DefaultPath or, where that does not exist, a built-in one that receives
// reports about example.com. The environment goes before both.
//
// A configuration that is wrong gives an error that is or wraps Errors.
func Load(path string) (*Config, error) {
	file, name, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return parse(file, name)
}

func readFile(path string) (file []byte, name string, err error) {
	if path != "" {
		file, err = os.ReadFile(path)
		return file, path, err
	}
	file, err = os.ReadFile(DefaultPath)
	if errors.Is(err, fs.ErrNotExist) {
		return []byte(builtIn), "built-in configuration", nil
	}
	return file, DefaultPath, err
}

func parse(file []byte, name string) (*Config, error) {
	if err := syntax(file, name); err != nil {
		return nil, err
	}
	cfg := defaults()
	c := &check{
		cfg:    cfg,
		file:   name,
		layout: readLayout(file),
		failed: make(map[string]bool),
		env:    make(map[string]string),
	}
	options := cfg.options()
	v, err := newViper(file, options)
	if err != nil {
		return nil, fmt.Errorf("read configuration %s: %w", name, err)
	}
	known := allNames(options)
	c.structure(known)
	c.environment(options)
	c.read(v, options)
	c.semantics()
	if len(c.errs) > 0 {
		return nil, c.sorted()
	}
	return cfg, nil
}

// syntax has go-toml read the file first: its error names line and column, that of
// viper does not.
func syntax(file []byte, name string) error {
	var all map[string]any
	err := toml.Unmarshal(file, &all)
	var wrong *toml.DecodeError
	if errors.As(err, &wrong) {
		line, column := wrong.Position()
		problem := fmt.Sprintf("not TOML at column %d: %s", column, strings.TrimPrefix(wrong.Error(), "toml: "))
		return Errors{{Where: name, Line: line, Problem: problem}}
	}
	if err != nil {
		return Errors{{Where: name, Problem: "not TOML: " + strings.TrimPrefix(err.Error(), "toml: ")}}
	}
	return nil
}

// newViper knows every key: viper takes the environment only for those.
func newViper(file []byte, options []option) (*viper.Viper, error) {
	v := viper.New()
	v.SetConfigType("toml")
	for _, o := range options {
		if err := v.BindEnv(o.key, o.env()); err != nil {
			return nil, err
		}
	}
	return v, v.ReadConfig(bytes.NewReader(file))
}

// read gives each option its value. What cannot be decoded keeps its default, so
// that the checks can go on.
func (c *check) read(v *viper.Viper, options []option) {
	for _, o := range options {
		given := v.Get(o.key)
		if given == nil || c.failed[o.key] {
			continue
		}
		if os.Getenv(o.env()) != "" {
			c.env[o.key] = o.env()
			given = fromEnv(v.GetString(o.key), o.into)
		}
		if list, ok := o.into.(*[]Target); ok {
			*list = c.readTargets(given)
			continue
		}
		if list, ok := o.into.(*[]Schedule); ok {
			*list = c.readSchedules(given)
			continue
		}
		if err := decode(given, o.into); err != nil {
			c.wrong(o.key, given, "%v", err)
			c.failed[o.key] = true
		}
	}
}

// testVariables are the first words of variables that the project's own tests and
// measurements take, which run the program, too.
var testVariables = []string{"bench", "corpus", "crowd", "faults", "hostile", "peers", "test"}

const scheduleKills = "REPORTMX_SCHEDULE_KILLS" // one more of these

// environment reports variables that begin as options do and are none.
func (c *check) environment(options []option) {
	var variables []string
	for _, o := range options {
		variables = append(variables, o.env())
	}
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, "REPORTMX_")
		section, _, _ := strings.Cut(strings.ToLower(rest), "_")
		if !ours || value == "" || slices.Contains(variables, name) || slices.Contains(testVariables, section) || name == scheduleKills {
			continue
		}
		problem := "no such option" + hint(nearest(name, variables), "", "")
		c.errs = append(c.errs, Error{Where: "$" + name, Problem: problem})
	}
}
