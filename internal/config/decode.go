package config

import (
	"encoding"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
)

var (
	errString  = errors.New(`not a text; write it in double quotes`)
	errInteger = errors.New("not a whole number; write it with digits only, without quotes")
	errBool    = errors.New("neither true nor false; write one of them, without quotes")
	errList    = errors.New(`not a list of texts; write ["…", "…"]`)
	errTarget  = errors.New(`not a target; write [[target]] and below it domain = "example.com"`)
	errPrefix  = errors.New(`not an IP address or network; write "192.0.2.7" or "192.0.2.0/24"`)
)

var levels = map[string]slog.Level{
	"debug": slog.LevelDebug,
	"info":  slog.LevelInfo,
	"warn":  slog.LevelWarn,
	"error": slog.LevelError,
}

// decode brings a value of the TOML file to the type of its option. Deliberately
// stricter than viper: what has the wrong type is an error, not converted.
func decode(value, into any) error {
	switch into := into.(type) {
	case *string:
		return put(into)(as[string](value, errString))
	case *bool:
		return put(into)(as[bool](value, errBool))
	case *int:
		n, err := as[int64](value, errInteger)
		return put(into)(int(n), err)
	case *[]string:
		return put(into)(texts(value))
	case *[]netip.Prefix:
		return put(into)(prefixes(value))
	case *slog.Level:
		return level(value, into)
	case encoding.TextUnmarshaler: // Duration, Size: they have the words for a bare number
		return into.UnmarshalText([]byte(fmt.Sprint(value)))
	default:
		return fmt.Errorf("no way to read a %T", into)
	}
}

// put stores a value unless there is an error: the default stays.
func put[T any](into *T) func(T, error) error {
	return func(value T, err error) error {
		if err == nil {
			*into = value
		}
		return err
	}
}

func as[T any](value any, otherwise error) (T, error) {
	v, ok := value.(T)
	if !ok {
		return v, otherwise
	}
	return v, nil
}

func texts(value any) ([]string, error) {
	items, err := as[[]any](value, errList)
	list := make([]string, len(items))
	for i := 0; i < len(items) && err == nil; i++ {
		list[i], err = as[string](items[i], errList)
	}
	return list, err
}

func prefixes(value any) ([]netip.Prefix, error) {
	items, err := texts(value)
	if err != nil {
		return nil, err
	}
	var list []netip.Prefix
	for _, s := range items {
		prefix, err := netip.ParsePrefix(s)
		if addr, addrErr := netip.ParseAddr(s); addrErr == nil && addr.Zone() == "" {
			prefix, err = addr.Prefix(addr.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("%q is %w", s, errPrefix)
		}
		list = append(list, prefix.Masked())
	}
	return list, nil
}

func level(value any, into *slog.Level) error {
	word, _ := value.(string)
	l, known := levels[word]
	if !known {
		return oneOf("debug", "info", "warn", "error")
	}
	*into = l
	return nil
}

// oneOf is the error for a word that is not in a list.
func oneOf(words ...string) error {
	return fmt.Errorf("not one of the words allowed; write one of %s", quotedList(words))
}

// fromEnv brings the text of an environment variable to what the TOML file would
// have held for the same option.
func fromEnv(text string, into any) any {
	switch into.(type) {
	case *bool:
		switch text {
		case "true":
			return true
		case "false":
			return false
		}
	case *int:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case *[]string, *[]netip.Prefix, *[]Target:
		list := []any{}
		for item := range strings.SplitSeq(text, ",") {
			item = strings.TrimSpace(item)
			if _, isTargets := into.(*[]Target); isTargets {
				list = append(list, map[string]any{"domain": item})
			} else {
				list = append(list, item)
			}
		}
		return list
	}
	return text
}

// longestShown is how much of a value an error message repeats, in bytes.
const longestShown = 80

// shown writes a value as TOML does, for an error message.
func shown(value any) string {
	var s string
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		s = strconv.Quote(v)
	case []string:
		s = "[" + quotedList(v) + "]"
	case []any:
		items := make([]string, len(v))
		for i := range v {
			items[i] = shown(v[i])
		}
		s = "[" + strings.Join(items, ", ") + "]"
	case map[string]any:
		return "{…}"
	case Size, Duration, Age:
		s = fmt.Sprintf("%q", v)
	default:
		s = fmt.Sprint(v)
	}
	if len(s) > longestShown {
		s = strings.ToValidUTF8(s[:longestShown], "") + "…"
	}
	return s
}

func quotedList(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	return strings.Join(quoted, ", ")
}
