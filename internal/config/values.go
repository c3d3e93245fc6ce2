package config

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// Bytes is a size, written as a number with a unit: 512MiB, 2GiB, 100MB.
type Bytes int64

// units in the order in which they are tried: longer names before their ends.
var units = []struct {
	name string
	size int64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12}, {"b", 1},
}

// UnmarshalText reads a size.
func (b *Bytes) UnmarshalText(text []byte) error {
	s := strings.ToLower(strings.TrimSpace(string(text)))
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		f, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || math.IsNaN(f) || f < 0 || f*float64(u.size) >= math.MaxInt64 {
			break
		}
		*b = Bytes(f * float64(u.size))
		return nil
	}
	return fmt.Errorf("%q is not a size; write a number with a unit, such as 512MiB or 2GiB", text)
}

// String gives the size in the largest unit that it is a whole number of.
func (b Bytes) String() string {
	for i := 3; i >= 0; i-- {
		if u := units[i]; b != 0 && int64(b)%u.size == 0 {
			name := strings.ToUpper(u.name[:1]) + "iB"
			return strconv.FormatInt(int64(b)/u.size, 10) + name
		}
	}
	return strconv.FormatInt(int64(b), 10) + "B"
}

// Duration is a length of time, written as 90s, 30m, 24h or 7d.
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			*d = Duration(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a length of time; write a number with a unit, such as 90s, 30m, 24h or 7d", text)
	}
	*d = Duration(v)
	return nil
}

// Span is the duration as the standard library has it.
func (d Duration) Span() time.Duration { return time.Duration(d) }

// String gives the duration as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// Moment is a time, written as a day (the moment at which it begins, UTC) or as RFC
// 3339.
type Moment struct{ time.Time }

// UnmarshalText reads a time.
func (m *Moment) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, strings.TrimSpace(string(text))); err == nil && t.Year() >= 1970 && t.Year() < 2200 {
			m.Time = t.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is not a time; write a day or a time, such as 2027-01-31 or 2027-01-31T12:00:00Z", text)
}

// LogLevel is the least important kind of line that is logged.
type LogLevel slog.Level

// The levels that can be set.
const (
	LevelDebug = LogLevel(slog.LevelDebug)
	LevelInfo  = LogLevel(slog.LevelInfo)
	LevelWarn  = LogLevel(slog.LevelWarn)
	LevelError = LogLevel(slog.LevelError)
)

// UnmarshalText reads a level.
func (l *LogLevel) UnmarshalText(text []byte) error {
	switch strings.ToLower(strings.TrimSpace(string(text))) {
	case "debug":
		*l = LevelDebug
	case "info":
		*l = LevelInfo
	case "warn":
		*l = LevelWarn
	case "error":
		*l = LevelError
	default:
		return fmt.Errorf("%q is not a log level; write debug, info, warn or error", text)
	}
	return nil
}

// String gives the level as it is written.
func (l LogLevel) String() string { return strings.ToLower(slog.Level(l).String()) }
