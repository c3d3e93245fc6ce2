package event

import (
	"strings"
	"time"
	"unicode"
)

// longestTime is how long a text may be to be looked at as a time of a phone.
const longestTime = 100

// englishDate reads the dates of HTTP and mail and what JavaScript makes of a Date
// as text. Names of zones other than GMT and UTC say nothing and are not read.
func englishDate(s string) (instant, bool) {
	if len(s) < 24 || len(s) > longestTime || s[0] < 'A' || s[0] > 'Z' {
		return instant{}, false
	}
	if at := strings.IndexByte(s, '('); at > 0 {
		s = strings.TrimSpace(s[:at]) // the name of the zone, after its offset
	}
	for _, layout := range [...]string{
		"Mon, 02 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:04:05 UTC", "Mon, 2 Jan 2006 15:04:05 -0700",
		"Mon Jan 02 2006 15:04:05 GMT-0700", "Mon Jan _2 15:04:05 GMT 2006", "Mon Jan _2 15:04:05 UTC 2006",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return instant{t.Unix(), t.Nanosecond()}, true
		}
	}
	return instant{}, false
}

// plainTime rewrites a time as phones and libraries write it by the customs of
// their user into a form that parseISO or epoch reads, if it has one meaning:
//
//   - any decimal digits of Unicode (Arabic-Indic, Devanagari, Thai, Tibetan, …);
//   - marks of direction and other invisible characters go, all kinds of spaces,
//     dashes, colons and decimal points become those of ASCII;
//   - months, days and hours of one digit, / or . in a date that begins with its year;
//   - am and pm, also in other languages, wherever they stand beside the time.
func plainTime(s string) (string, bool) {
	if len(s) > longestTime || s != trim(s) {
		return "", false
	}
	s = asciiTime(s)
	if allDigits(strings.Map(noPoint, s)) {
		return s, true // a count since 1970
	}
	if _, ok := withoutExponent(s); ok {
		return s, true
	}
	date, clock, ok := dateOf(s)
	if !ok {
		return "", false
	}
	if clock == "" {
		return date, true
	}
	clock = strings.Trim(strings.TrimPrefix(clock, "t"), " ,")
	clock, half := halfOfDay(clock)
	clock, ok = clockOf(clock, half)
	return date + "T" + clock, ok
}

func noPoint(r rune) rune {
	if r == '.' {
		return -1
	}
	return r
}

// asciiTime puts the characters of a time into ASCII, as far as they have a
// counterpart there, and letters into lower case.
func asciiTime(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x80:
			b.WriteRune(unicode.ToLower(r))
		case unicode.Is(unicode.Nd, r):
			b.WriteByte('0' + digitValue(r))
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case defaultIgnorable(r):
		case unicode.Is(unicode.Pd, r) || r == '\u2212':
			b.WriteByte('-')
		case r == '：' || r == '∶':
			b.WriteByte(':')
		case r == '٫' || r == '．':
			b.WriteByte('.')
		case r == '،' || r == '，':
			b.WriteByte(',')
		case r == '／':
			b.WriteByte('/')
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return strings.TrimSpace(b.String())
}

// digitValue is the value of a decimal digit: they come in runs of ten, from zero
// to nine.
func digitValue(r rune) byte {
	for _, t := range unicode.Nd.R16 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10)
		}
	}
	for _, t := range unicode.Nd.R32 {
		if rune(t.Lo) <= r && r <= rune(t.Hi) {
			return byte((r - rune(t.Lo)) % 10)
		}
	}
	return 0
}

// dateOf cuts a date that begins with its year off a time, and writes it with two
// digits for month and day.
func dateOf(s string) (date, rest string, ok bool) {
	if _, ok = digits4(s); !ok || len(s) < 8 {
		return "", "", false
	}
	sep := s[4]
	if sep != '-' && sep != '/' && sep != '.' {
		return "", "", false
	}
	month, rest := upTo2(s[5:])
	if month == "" || rest == "" || rest[0] != sep {
		return "", "", false
	}
	mday, rest := upTo2(rest[1:])
	if mday == "" || rest != "" && '0' <= rest[0] && rest[0] <= '9' {
		return "", "", false
	}
	return s[:4] + "-" + month + "-" + mday, rest, true
}

// upTo2 reads one or two digits and gives them as two.
func upTo2(s string) (two, rest string) {
	n := 0
	for n < len(s) && n < 2 && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	switch n {
	case 0:
		return "", s
	case 1:
		return "0" + s[:1], s[1:]
	}
	return s[:2], s[2:]
}

// halves are the words for the halves of a day, those with one meaning beside a
// time, in lower case. The longer stand before what they begin with.
var halves = []struct {
	word string
	pm   bool
}{
	{"a. m.", false}, {"p. m.", true}, {"a.m.", false}, {"p.m.", true}, {"am", false}, {"pm", true},
	{"ق.ظ", false}, {"ب.ظ", true}, {"صباحًا", false}, {"مساءً", true}, {"صباحا", false}, {"مساء", true}, {"ص", false}, {"م", true}, // Persian, Arabic
	{"午前", false}, {"午後", true}, {"上午", false}, {"下午", true}, {"오전", false}, {"오후", true},
	{"ก่อนเที่ยง", false}, {"หลังเที่ยง", true}, {"पूर्वाह्न", false}, {"अपराह्न", true},
	{"পূর্বাহ্ণ", false}, {"অপরাহ্ণ", true}, {"முற்பகல்", false}, {"பிற்பகல்", true},
	{"སྔ་དྲོ་", false}, {"ཕྱི་དྲོ་", true}, // Tibetan
	{"π.μ.", false}, {"μ.μ.", true}, {"öö", false}, {"ös", true}, {"sa", false}, {"ch", true}, // Greek, Turkish, Vietnamese
	{"dop.", false}, {"odp.", true}, {"de.", false}, {"du.", true}, {"fm", false}, {"em", true}, {"ap.", false}, {"ip.", true}, // Czech, Hungarian, Swedish, Finnish
	{"дп", false}, {"пп", true}, {"לפנה״צ", false}, {"אחה״צ", true}, // Ukrainian, Hebrew
}

// halfOfDay takes the word for the half of the day out of a time: 'a', 'p', or 0
// when there is none.
func halfOfDay(clock string) (rest string, half byte) {
	for _, h := range halves {
		before, after, found := strings.Cut(clock, h.word)
		if !found {
			continue
		}
		half = 'a'
		if h.pm {
			half = 'p'
		}
		// Persian and Arabic write a point behind theirs, or not.
		after = strings.TrimPrefix(after, ". ")
		if after == "." {
			after = ""
		}
		return strings.TrimSpace(strings.TrimSpace(before) + strings.TrimLeft(after, " ")), half
	}
	return clock, 0
}

// clockOf writes a time of day with two digits for the hour, of 24.
func clockOf(s string, half byte) (string, bool) {
	hour, rest := upTo2(s)
	if hour == "" || rest == "" || rest[0] != ':' {
		return "", false
	}
	h, _ := digits2(hour)
	switch {
	case half == 0:
	case h > 12 && half == 'a' || h > 23:
		return "", false // 14:00 am
	case half == 'a' && h == 12:
		h = 0
	case half == 'p' && h < 12:
		h += 12
	}
	return string([]byte{'0' + byte(h/10), '0' + byte(h%10)}) + rest, true
}
