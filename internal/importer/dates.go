package importer

import (
	"fmt"
	"strconv"
	"strings"
)

// Dates is the order in which a day is written as three numbers: "" where nobody
// has said it.
type Dates string

// The orders, by the names that people write.
const (
	DayFirst   Dates = "DD/MM/YYYY"
	MonthFirst Dates = "MM/DD/YYYY"
)

// ParseDates reads the name of an order, with / . or - between the parts.
func ParseDates(s string) (Dates, error) {
	switch strings.NewReplacer(".", "/", "-", "/").Replace(strings.ToUpper(s)) {
	case "":
		return "", nil
	case string(DayFirst), "D/M/YYYY", "DD/MM", "DMY":
		return DayFirst, nil
	case string(MonthFirst), "M/D/YYYY", "MM/DD", "MDY":
		return MonthFirst, nil
	}
	return "", fmt.Errorf("%q is not an order of dates; write DD/MM/YYYY or MM/DD/YYYY", s)
}

// ambiguous is a date that may be two days.
type ambiguous struct{ text string }

func (a *ambiguous) Error() string {
	return fmt.Sprintf("timestamp %q is ambiguous: the day or the month may come first; say which with --dates DD/MM/YYYY or --dates MM/DD/YYYY", shorten(a.text, 40))
}

// iso writes a time that begins with a day in three numbers, such as 03/04/2024
// 14:05, as ISO 8601. What begins otherwise comes back as it is. Without an
// order a day is taken that can be one day only: 25/12/2024, 12/25/2024, and
// 05/05/2024. Errors: *ambiguous, and one for a day that is not in the calendar
// under the order.
func (d Dates) iso(s string) (string, error) {
	a, rest, sep, ok := datePart(s, 2)
	if !ok {
		return s, nil
	}
	b, rest, second, ok := datePart(rest, 2)
	if !ok || second != sep {
		return s, nil
	}
	n := 0
	for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
		n++
	}
	year, err := strconv.Atoi(rest[:n])
	if err != nil || n != 4 || n < len(rest) && rest[n] != ' ' && rest[n] != 'T' && rest[n] != ',' {
		return s, nil
	}
	clock := strings.TrimLeft(strings.TrimPrefix(rest[n:], ","), " T")
	day, month := a, b
	switch {
	case d == MonthFirst:
		day, month = b, a
	case d == "" && a <= 12 && b > 12:
		day, month = b, a
	case d == "" && a <= 12 && b <= 12 && a != b:
		return s, &ambiguous{s}
	}
	if month < 1 || month > 12 || day < 1 || day > 31 {
		order := d
		if order == "" {
			order = "DD/MM/YYYY or MM/DD/YYYY"
		}
		return s, fmt.Errorf("timestamp %q is not a date in the order %s", shorten(s, 40), order)
	}
	out := fmt.Sprintf("%04d-%02d-%02d", year, month, day)
	if clock != "" {
		if len(clock) > 1 && clock[1] == ':' {
			clock = "0" + clock // 9:05
		}
		out += "T" + clock
	}
	return out, nil
}

// datePart reads one or two digits and the separator behind them.
func datePart(s string, most int) (n int, rest string, sep byte, ok bool) {
	i := 0
	for i < len(s) && i < most && '0' <= s[i] && s[i] <= '9' {
		n = 10*n + int(s[i]-'0')
		i++
	}
	if i == 0 || i == len(s) || s[i] != '/' && s[i] != '.' && s[i] != '-' {
		return 0, s, 0, false
	}
	return n, s[i+1:], s[i], true
}
