package event

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode"
)

// TestParseTimeOfPhones: what phones make of an ISO format by the customs of their
// user, and what has one meaning besides.
func TestParseTimeOfPhones(t *testing.T) {
	const noon = "2019-11-15T14:00:05Z"
	for _, c := range []struct{ text, want string }{
		// Digits: Arabic-Indic, Extended Arabic-Indic, Devanagari, Bengali, Tibetan,
		// Thai, Myanmar, Khmer, full width, Chakma (beyond the basic plane).
		{"٢٠١٩-١١-١٥T١٤:٠٠:٠٥Z", noon}, {"۲۰۱۹-۱۱-۱۵T۱۴:۰۰:۰۵.۲۵Z", "2019-11-15T14:00:05.25Z"},
		{"२०१९-११-१५T१४:००:०५Z", noon}, {"২০১৯-১১-১৫T১৪:০০:০৫Z", noon}, {"༢༠༡༩-༡༡-༡༥T༡༤:༠༠:༠༥Z", noon},
		{"๒๐๑๙-๑๑-๑๕T๑๔:๐๐:๐๕Z", noon}, {"၂၀၁၉-၁၁-၁၅T၁၄:၀၀:၀၅Z", noon}, {"២០១៩-១១-១៥T១៤:០០:០៥Z", noon},
		{"２０１９－１１－１５T１４：００：０５Z", noon}, {"\U00011138\U00011136\U00011137\U0001113f-11-15T14:00:05Z", noon},
		{"\u200e٢٠١٩-١١-١٥ ١٤:٠٠:٠٥\u200f", noon}, {"٢٠١٩-١١-١٥T١٤:٠٠:٠٥٫٢٥Z", "2019-11-15T14:00:05.25Z"}, {"١٥٧٣٨٢٦٤٠٥", noon}, {"۱۵۷۳۸۲۶۴۰۵۰۰۰", noon},
		// Halves of the day.
		{"2019-11-15T2:00:05 PMZ", noon}, {"2019-11-15T02:00:05 pm Z", noon}, {"2019-11-15T2:00:05.250 p.m.Z", "2019-11-15T14:00:05.25Z"},
		{"2019-11-15T2:00:05 p. m.", noon}, {"2019-11-15T2:00:05 PM.250Z", "2019-11-15T14:00:05.25Z"}, {"2019-11-15 2:00:05\u202fPM", noon},
		{"2019-11-15T٢:٠٠:٠٥ مZ", noon}, {"2019-11-15T٢:٠٠:٠٥ م", noon}, {"٢٠١٩-١١-١٥T٢:٠٠:٠٥ صZ", "2019-11-15T02:00:05Z"}, {"۲۰۱۹-۱۱-۱۵T۲:۰۰:۰۵ ب.ظ.", noon},
		{"2019-11-15T午後2:00:05Z", noon}, {"2019-11-15 下午2:00:05", noon}, {"2019-11-15T오후 2:00:05Z", noon}, {"2019-11-15T2:00:05 μ.μ.", noon},
		{"2019-11-15T12:00:05 AMZ", "2019-11-15T00:00:05Z"}, {"2019-11-15T12:00:05 PMZ", "2019-11-15T12:00:05Z"}, {"2019-11-15T午後0:30:05Z", "2019-11-15T12:30:05Z"},
		{"2019-11-15T14:00:05 PMZ", noon}, {"2019-11-15T3:00:05 PM+01:00", noon}, {"2019-11-15, 2:00:05 PM", noon},
		// One digit.
		{"2019-1-5T9:00:05Z", "2019-01-05T09:00:05Z"}, {"2019-11-15T9:00Z", "2019-11-15T09:00:00Z"}, {"2019/11/15 14:00:05", noon}, {"2019.11.15 14:00:05", noon}, {"2019/1/5", "2019-01-05T00:00:00Z"},
		// Years of the Buddhist calendar.
		{"2562-11-15T14:00:05Z", noon}, {"๒๕๖๒-๑๑-๑๕T๑๔:๐๐:๐๕.๐๐๐Z", noon}, {"2563-02-29", "2020-02-29T00:00:00Z"}, {"2513-01-01", "1970-01-01T00:00:00Z"},
		// Numbers with exponents.
		{"1.573826405E9", noon}, {"1.573826405e+9", noon}, {"1.573826405E12", noon}, {"1573826405e3", noon}, {"1.57382640525E9", "2019-11-15T14:00:05.25Z"}, {"1e9", "2001-09-09T01:46:40Z"},
		{"1.4412744E9", "2015-09-03T10:00:00Z"},
		// English dates.
		{"Fri, 15 Nov 2019 14:00:05 GMT", noon}, {"Fri, 15 Nov 2019 15:00:05 +0100", noon}, {"Fri Nov 15 2019 15:00:05 GMT+0100 (Central European Standard Time)", noon}, {"Fri Nov 15 14:00:05 UTC 2019", noon},
	} {
		got, ok := ParseTime(c.text)
		if !ok || got != at(c.want) {
			t.Errorf("%q: %s (%v), want %s", c.text, time.Unix(0, got).UTC().Format(time.RFC3339Nano), ok, c.want)
		}
	}
}

func TestParseTimeRefusesTwoMeanings(t *testing.T) {
	for _, text := range []string{
		"03/04/2024", "3/4/24", "15.11.2019", "19-11-15", "2019-11-15T14:00:05 AMZ", "2019-11-15T25:00:05 PM", "2019-11-15T2:00:05 PM PM", "2019-11-15T2 PM",
		"2562-02-29", "2019-111-5", "2019-1-155", "2019-11/15", "Fri, 15 Nov 2019 14:00:05 CST", "2019-11-15T2:00:05 xm", "٢٠١٩", "\u200b", "2019-11-15T14:00:0٥٥Z",
		strings.Repeat("٢", 200), "2019-11-15T" + strings.Repeat("1", 200),
	} {
		if got, ok := ParseTime(text); ok {
			t.Errorf("%q was taken for %s", text, time.Unix(0, got).UTC())
		}
	}
}

// Every decimal digit of Unicode has the value that its place in its run of ten says.
func TestDigitValues(t *testing.T) {
	n := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.Is(unicode.Nd, r) {
			continue
		}
		n++
		if first := r - rune(digitValue(r)); !unicode.Is(unicode.Nd, first) || digitValue(first) != 0 {
			t.Errorf("%U has the value %d", r, digitValue(r))
		}
	}
	for _, r := range "９९٩۹९৯๙༩᱉𝟗𝟡𝟿" {
		if digitValue(r) != 9 {
			t.Errorf("%U has the value %d", r, digitValue(r))
		}
	}
	if n < 600 || n%10 != 0 {
		t.Errorf("there are %d digits", n)
	}
}

// TestOddCalendars: live messages of phones that count their years otherwise.
func TestOddCalendars(t *testing.T) {
	now := at("2019-11-15T14:00:05Z")
	for _, c := range []struct{ what, fields, want string }{
		{"Japanese, both", `"timestamp":"0001-11-15T13:58:05.5Z","sentAt":"0001-11-15T14:00:04.5Z"`, "2019-11-15T13:58:06Z"},
		{"Heisei, both", `"originalTimestamp":"0031-11-15T13:58:05Z","sentAt":"0031-11-15T14:00:05Z"`, "2019-11-15T13:58:05Z"},
		{"Persian, both", `"timestamp":"1398-08-24T13:58:05Z","sentAt":"1398-08-24T14:00:05Z"`, "2019-11-15T13:58:05Z"},
		{"Hebrew, both", `"timestamp":"5780-02-17T13:58:05Z","sentAt":"5780-02-17T14:00:05Z"`, "2019-11-15T13:58:05Z"},
		{"Buddhist, both", `"timestamp":"2562-11-15T13:58:05Z","sentAt":"2562-11-15T14:00:05Z"`, "2019-11-15T13:58:05Z"},
		{"Buddhist, one", `"timestamp":"2562-11-15T13:58:05Z","sentAt":"2019-11-15T14:00:05Z"`, "2019-11-15T13:58:05Z"},
		{"Reiwa, alone", `"timestamp":"0001-11-15T13:58:05Z"`, "2019-11-15T13:58:05Z"},
		{"Heisei, alone", `"timestamp":"0031-11-15T13:58:05Z"`, "2019-11-15T13:58:05Z"},
		{"Heisei, in digits of Arabic", `"timestamp":"٠٠٣١-١١-١٥T١٣:٥٨:٠٥Z"`, "2019-11-15T13:58:05Z"},
		{"long ago in an era", `"timestamp":"0007-11-15T13:58:05Z"`, "unread"},
		{"Persian, alone", `"timestamp":"1398-08-24T13:58:05Z"`, "unread"},
		{"of two clocks", `"timestamp":"1398-08-24T13:58:05Z","sentAt":"0001-11-15T14:00:05Z"`, "unread"},
		{"no time", `"timestamp":"yesterday"`, "unread"},
		{"no time, but an original", `"timestamp":"yesterday","originalTimestamp":"2019-11-15T13:58:05Z"`, "2019-11-15T13:58:05Z"},
		{"no original", `"timestamp":"2019-11-15T13:58:05Z","originalTimestamp":[]`, "2019-11-15T13:58:05Z"},
		{"an object", `"timestamp":{"seconds":1}`, "unread"},
		{"before 1970", `"timestamp":"1960-01-01T00:00:00Z"`, "unread"},
		{"before 1970, with sentAt", `"timestamp":"1960-01-01T00:00:00Z","sentAt":"1960-01-01T00:02:00Z"`, "2019-11-15T13:58:05Z"},
		{"two meanings", `"timestamp":"03/04/2019"`, "unread"},
		{"not set", `"timestamp":"0001-01-01T00:00:00Z"`, "2019-11-15T14:00:05Z"},
		{"not set, in a zone", `"timestamp":"0001-01-01T00:00:00-08:00"`, "2019-11-15T14:00:05Z"},
		{"the far future", `"timestamp":"9999-12-31T00:00:00Z"`, "2019-11-15T14:00:05Z"},
	} {
		raw := []byte(`{"type":"page","userId":"u",` + c.fields + `}`)
		m, err := Parse(raw, Envelope{ReceivedAt: now, Live: true})
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if c.want == "unread" {
			if m.Unread == nil || m.Unread.Code != TimestampUnread || m.Time != now {
				t.Errorf("%s: %+v at %d", c.what, m.Unread, m.Time)
			}
			// History must not become today.
			if _, err := Parse(raw, Envelope{ReceivedAt: now}); err == nil || err.(*Refusal).Code != BadTimestamp {
				t.Errorf("%s: in a file: %v", c.what, err)
			}
			continue
		}
		if m.Unread != nil || m.Time != at(c.want) {
			t.Errorf("%s: %s, %+v", c.what, time.Unix(0, m.Time).UTC().Format(time.RFC3339Nano), m.Unread)
		}
	}
	// The request's sentAt counts as the message's own, before or behind it.
	for _, body := range []string{
		`{"sentAt":"0001-11-15T14:00:05Z","batch":[{"type":"page","userId":"u","timestamp":"0001-11-15T13:58:05Z"}]}`,
		`{"batch":[{"type":"page","userId":"u","timestamp":"1398-08-24T13:58:05Z"}],"sentAt":"1398-08-24T14:00:05Z"}`,
	} {
		_, items, err := Read([]byte(body), Envelope{ReceivedAt: now, Live: true}, true, nil)
		if err != nil || items[0].Refusal != nil || items[0].Message.Unread != nil || items[0].Message.Time != at("2019-11-15T13:58:05Z") {
			t.Errorf("%s: %+v, %v", body, items, err)
		}
	}
}

func TestInstants(t *testing.T) {
	for _, n := range []int64{0, 1, -1, second, -second, second - 1, 1 - second, math.MaxInt64 - 2*second, math.MinInt64 + 2*second, received} {
		if got := instantOf(n).nanos(); got != n {
			t.Errorf("%d comes back as %d", n, got)
		}
	}
}
