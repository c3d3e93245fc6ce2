package compute

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// units are the lengths that a duration's letter stands for. A day has 24 hours.
var units = map[byte]time.Duration{
	's': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour,
}

// longestDuration is a hundred years.
const longestDuration = 36525 * 24 * time.Hour

// ParseDuration reads a whole number with a unit, s, m, h, d (24 hours) or w, or
// several of these in falling order: 90d, 1h30m. It reports false for anything else,
// for nothing, and for more than 100 years.
func ParseDuration(s string) (time.Duration, bool) {
	var sum, last time.Duration = 0, math.MaxInt64
	for s = strings.TrimSpace(s); s != ""; {
		digits := 0
		for digits < len(s) && '0' <= s[digits] && s[digits] <= '9' {
			digits++
		}
		if digits == 0 || digits > 10 || digits == len(s) {
			return 0, false
		}
		n, _ := strconv.ParseInt(s[:digits], 10, 64)
		unit, ok := units[s[digits]]
		if !ok || unit >= last || n > int64(longestDuration/unit) {
			return 0, false
		}
		last, s = unit, s[digits+1:]
		sum += time.Duration(n) * unit
	}
	return sum, sum > 0 && sum <= longestDuration
}

// FormatDuration writes whole seconds as ParseDuration reads them, shortest first:
// 90d, 1h30m.
func FormatDuration(d time.Duration) string {
	if d < time.Second {
		return "0s"
	}
	var b strings.Builder
	for _, letter := range []byte("dhms") {
		if n := d / units[letter]; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10))
			b.WriteByte(letter)
			d -= n * units[letter]
		}
	}
	return b.String()
}
