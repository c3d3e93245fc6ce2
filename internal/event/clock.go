package event

import "math"

// zeroTime is what ParseTime makes of every time before the reach of int64
// nanoseconds (the year 1677), of which year 1, the zero time of Go, is the one
// that clients send.
const zeroTime = math.MinInt64

const (
	second = 1_000_000_000
	day    = 24 * 60 * 60
)

// ParseTime reads a time as SDKs and people write it and returns nanoseconds
// since 1970 (UTC). Times out of the reach of int64 come back as its ends.
// It takes:
//
//	2019-11-15T14:00:05.123Z      RFC 3339, any fraction ('.' or ','), cut to nanoseconds
//	2019-11-15T14:00:05+0100      offsets as +hh:mm, +hhmm or +hh; Z, UTC and GMT in any case
//	2019-11-15 14:00:05           a space for T; no offset means UTC
//	2019-11-15T14:00, 2019-11-15  what is left out is zero
//	20191115T140005Z, 20191115    ISO 8601 basic
//	+012019-11-15T14:00:05Z       years of six digits with a sign, as JavaScript writes them
//	1573826405, 1573826405123     nine digits or more: seconds, milliseconds, micro- or
//	                              nanoseconds since 1970, told apart by their size
//	1.573826405E9                 the same as a number with an exponent
//	2019-11-15T2:00:05 PM         what phones make of it: see plainTime
//	2562-11-15T14:00:05Z          a Buddhist year from 2513 on is the one 543 years before
//	Fri, 15 Nov 2019 14:00:05 GMT, Fri Nov 15 2019 14:00:05 GMT+0100 (CET)
//
// A 60th second is the first of the next minute, 24:00 the first of the next day.
// What has two meanings is no time: 03/04/2024.
func ParseTime(s string) (int64, bool) {
	t, ok := parseInstant(s)
	return t.nanos(), ok
}

// instant is a time in seconds since 1970 and nanoseconds on top of these. Other
// than an int64 of nanoseconds it has room for every year that can be written.
type instant struct {
	secs int64
	nano int
}

// nanos is the instant in nanoseconds since 1970, held at the ends of int64.
func (t instant) nanos() int64 {
	switch {
	case t.secs > math.MaxInt64/second-1:
		return math.MaxInt64
	case t.secs < math.MinInt64/second+1:
		return math.MinInt64
	}
	return t.secs*second + int64(t.nano)
}

// instantOf is the instant of nanoseconds since 1970.
func instantOf(n int64) instant {
	secs := n / second
	if n%second < 0 {
		secs--
	}
	return instant{secs, int(n - secs*second)}
}

// parseInstant is ParseTime for all years.
func parseInstant(s string) (instant, bool) {
	// The common path: what toISOString and RFC 3339 make of a time.
	if len(s) >= 20 && s[4] == '-' && s[7] == '-' && s[10] == 'T' && s[13] == ':' && s[16] == ':' && s[len(s)-1] == 'Z' {
		year, ok1 := digits4(s[0:])
		month, ok2 := digits2(s[5:])
		mday, ok3 := digits2(s[8:])
		hour, ok4 := digits2(s[11:])
		minute, ok5 := digits2(s[14:])
		sec, ok6 := digits2(s[17:])
		if ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && hour < 24 && sec < 60 {
			nano, rest, ok := fraction(s[19:])
			if ok && rest == "Z" {
				return assemble(year, month, mday, hour, minute, sec, nano, 0)
			}
		}
	}
	if t, ok := numberOrISO(s); ok {
		return t, true
	}
	if t, ok := englishDate(s); ok {
		return t, true
	}
	if plain, ok := plainTime(s); ok {
		return numberOrISO(plain)
	}
	return instant{}, false
}

func numberOrISO(s string) (instant, bool) {
	if t, ok := epoch(s); ok {
		return t, true
	}
	return parseISO(s)
}

// parseISO is the general way through every form but numbers.
func parseISO(s string) (instant, bool) {
	year, rest, ok := yearOf(s)
	if !ok {
		return instant{}, false
	}
	s = rest
	extended := len(s) > 0 && s[0] == '-'
	var month, mday int
	if month, s, ok = pair(s, extended, '-'); !ok {
		return instant{}, false
	}
	if mday, s, ok = pair(s, extended, '-'); !ok {
		return instant{}, false
	}
	if s == "" {
		return assemble(year, month, mday, 0, 0, 0, 0, 0)
	}
	if s[0] != 'T' && s[0] != 't' && s[0] != ' ' {
		return instant{}, false
	}
	s = s[1:]
	hour, ok := digits2(s)
	if !ok {
		return instant{}, false
	}
	s = s[2:]
	colons := len(s) > 0 && s[0] == ':'
	var minute, sec, nano int
	if minute, s, ok = pair(s, colons, ':'); !ok {
		return instant{}, false
	}
	if len(s) > 0 && (s[0] == ':' || '0' <= s[0] && s[0] <= '9') {
		if sec, s, ok = pair(s, colons, ':'); !ok {
			return instant{}, false
		}
		if nano, s, ok = fraction(s); !ok {
			return instant{}, false
		}
	}
	offset, ok := zone(s)
	if !ok {
		return instant{}, false
	}
	return assemble(year, month, mday, hour, minute, sec, nano, offset)
}

// yearOf reads four digits, or a sign and six.
func yearOf(s string) (year int, rest string, ok bool) {
	if s == "" || s[0] != '+' && s[0] != '-' {
		year, ok = digits4(s)
		if !ok {
			return 0, "", false
		}
		return year, s[4:], true
	}
	high, ok1 := digits2(s[1:])
	if !ok1 {
		return 0, "", false
	}
	low, ok2 := digits4(s[3:])
	if !ok2 {
		return 0, "", false
	}
	year = high*10000 + low
	if s[0] == '-' {
		year = -year
	}
	return year, s[7:], true
}

// pair reads two digits, after a separator if there has to be one.
func pair(s string, separated bool, sep byte) (n int, rest string, ok bool) {
	if separated {
		if s == "" || s[0] != sep {
			return 0, "", false
		}
		s = s[1:]
	}
	if n, ok = digits2(s); !ok {
		return 0, "", false
	}
	return n, s[2:], true
}

// fraction reads the fraction of a second, if there is one, in nanoseconds.
func fraction(s string) (nano int, rest string, ok bool) {
	if s == "" || s[0] != '.' && s[0] != ',' {
		return 0, s, true
	}
	i, scale := 1, second/10
	for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		nano += int(s[i]-'0') * scale
		scale /= 10
	}
	return nano, s[i:], i > 1
}

// zone reads the offset from UTC, in seconds, that ends a time.
func zone(s string) (offset int, ok bool) {
	if s != "" && s[0] == ' ' {
		s = s[1:]
		if s == "" {
			return 0, false
		}
	}
	switch {
	case s == "", s == "Z", s == "z", equalFoldASCII(s, "utc"), equalFoldASCII(s, "gmt"):
		return 0, true
	case s[0] != '+' && s[0] != '-':
		return 0, false
	}
	negative := s[0] == '-'
	hour, ok := digits2(s[1:])
	if !ok {
		return 0, false
	}
	minute := 0
	if s = s[3:]; s != "" {
		if minute, s, ok = pair(s, s[0] == ':', ':'); !ok || s != "" {
			return 0, false
		}
	}
	if hour > 23 || minute > 59 {
		return 0, false
	}
	offset = (hour*60 + minute) * 60
	if negative {
		offset = -offset
	}
	return offset, true
}

// The Buddhist years that are taken for one: those of 1970 to 2262 of our era,
// beyond which times end.
const (
	buddhist      = 543
	firstBuddhist = 1970 + buddhist
	lastBuddhist  = 2262 + buddhist
)

// assemble checks the parts and counts the seconds since 1970.
func assemble(year, month, mday, hour, minute, sec, nano, offset int) (instant, bool) {
	if year >= firstBuddhist && year <= lastBuddhist {
		year -= buddhist
	}
	if month < 1 || month > 12 || mday < 1 || mday > daysIn(year, month) {
		return instant{}, false
	}
	if minute > 59 || sec > 60 || hour > 24 || hour == 24 && minute+sec+nano > 0 {
		return instant{}, false
	}
	secs := int64(daysSince1970(year, month, mday))*day + int64(hour*3600+minute*60+sec-offset)
	return instant{secs, nano}, true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysSince1970 counts days in the Gregorian calendar, extended to all years.
// Years run from March here, so that the leap day is the last of its year and
// the lengths of the months before it follow the line (153m+2)/5.
func daysSince1970(year, month, mday int) int {
	if month <= 2 {
		year--
		month += 12
	}
	inYear := (153*(month-3)+2)/5 + mday - 1
	era := year / 400
	if year < 0 {
		era = (year - 399) / 400
	}
	y := year - era*400
	// 719468 days lie between 0000-03-01 and 1970-01-01.
	return era*146097 + y*365 + y/4 - y/100 + inYear - 719468
}

// epoch reads a count since 1970. Fewer than nine digits are not taken for one:
// eight are a date.
func epoch(s string) (instant, bool) {
	whole, i := int64(0), 0
	for ; i < len(s) && '0' <= s[i] && s[i] <= '9'; i++ {
		if i >= 18 {
			// From 10^18 on only nanoseconds make sense; they end in 2262.
			if i > 18 || whole > (math.MaxInt64-int64(s[i]-'0'))/10 {
				return instant{}, false
			}
		}
		whole = whole*10 + int64(s[i]-'0')
	}
	if i < len(s) && (i == 1 || i < 18) && s[0] != '0' {
		if plain, ok := withoutExponent(s); ok {
			return epoch(plain)
		}
	}
	if i < 9 {
		return instant{}, false
	}
	unit := int64(second)
	switch {
	case whole >= 1e17:
		unit = 1
	case whole >= 1e14:
		unit = 1_000
	case whole >= 1e11:
		unit = 1_000_000
	}
	nano := 0
	if i < len(s) {
		var rest string
		var ok bool
		if nano, rest, ok = fraction(s[i:]); !ok || rest != "" {
			return instant{}, false
		}
	}
	perSecond := second / unit
	below := whole%perSecond*unit + int64(nano)*unit/second
	return instant{whole / perSecond, int(below)}, true
}

// withoutExponent writes a number such as 1.4412744E9 as its digits, with a
// fraction if one is left. The number is positive and has up to 19 digits before
// the point.
func withoutExponent(s string) (string, bool) {
	at := 0
	for at < len(s) && s[at] != 'e' && s[at] != 'E' {
		at++
	}
	if at+1 >= len(s) || at > 40 {
		return "", false
	}
	whole, frac := s[:at], ""
	for i := range whole {
		if whole[i] == '.' {
			whole, frac = s[:i], s[i+1:at]
			break
		}
	}
	exp := s[at+1:]
	if exp[0] == '+' {
		exp = exp[1:]
	}
	power := 0
	for i := range len(exp) {
		if exp[i] < '0' || exp[i] > '9' || i > 2 {
			return "", false
		}
		power = power*10 + int(exp[i]-'0')
	}
	if exp == "" || !allDigits(whole) || !allDigits(frac) || power > 20 {
		return "", false
	}
	for range power {
		next := byte('0')
		if frac != "" {
			next, frac = frac[0], frac[1:]
		}
		whole += string(rune(next))
	}
	if frac != "" {
		whole += "." + frac
	}
	return whole, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func digits2(s string) (int, bool) {
	if len(s) < 2 {
		return 0, false
	}
	a, b := s[0]-'0', s[1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

func digits4(s string) (int, bool) {
	if len(s) < 4 {
		return 0, false
	}
	a, b, c, d := s[0]-'0', s[1]-'0', s[2]-'0', s[3]-'0'
	return int(a)*1000 + int(b)*100 + int(c)*10 + int(d), a <= 9 && b <= 9 && c <= 9 && d <= 9
}
