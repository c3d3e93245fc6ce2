package event

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

// oracleParse says what Parse should make of raw by way of encoding/json and
// maps: slow, and written without a look at the scanner. ok is false when the
// message is to be refused.
func oracleParse(raw []byte, env Envelope) (m Message, ok bool) {
	lim := env.Limits.orDefault()
	top, isObject := oracleDecode(raw).(map[string]any)
	if !isObject || !utf8.Valid(raw) || len(raw) > lim.MessageBytes || oracleDepth(raw) > lim.Depth {
		return m, false
	}
	// strict is the text of a field that has to be a string or a number.
	strict := func(key string) (string, bool) {
		switch top[key].(type) {
		case nil, string, json.Number:
			return oracleText(top[key]), true
		}
		return "", false
	}
	context, _ := top["context"].(map[string]any)
	contextTraits, _ := context["traits"].(map[string]any)
	device, _ := context["device"].(map[string]any)
	integrations, _ := context["integrations"].(map[string]any)
	google, _ := integrations["Google Analytics"].(map[string]any)
	braze, _ := context["Braze"].(map[string]any)
	traits, _ := top["traits"].(map[string]any)
	properties, _ := top["properties"].(map[string]any)

	okType, okID, okUser, okAnonymous := true, true, true, true
	m.Type = env.Type
	if m.Type == 0 {
		var name string
		name, okType = strict("type")
		m.Type = TypeOf(strings.TrimSpace(name))
	}
	_, okID = strict("messageId")
	_, okUser = strict("userId")
	_, okAnonymous = strict("anonymousId")
	m.MessageID, m.UserID, m.AnonymousID = oracleID(top["messageId"]), oracleID(top["userId"]), oracleID(top["anonymousId"])
	if !okType || !okID || !okUser || !okAnonymous || m.Type == 0 || utf8.RuneCountInString(m.MessageID) > lim.MessageID {
		return m, false
	}
	trimmed := func(v any) string { return strings.TrimSpace(oracleText(v)) }
	m.GroupID, m.PreviousID = oracleID(top["groupId"]), oracleID(top["previousId"])
	m.WriteKey = trimmed(top["writeKey"])
	m.ContextGroupID = oracleID(context["groupId"])
	m.GAClientID = oracleID(google["clientId"])
	m.CrossDomainID = oracleID(contextTraits["crossDomainId"])
	m.BrazeID = oracleID(braze["braze_id"])
	m.TraitsEmail, m.ContextTraitsEmail, m.PropertiesEmail = oracleID(traits["email"]), oracleID(contextTraits["email"]), oracleID(properties["email"])
	if app, isObject := context["app"].(map[string]any); isObject {
		m.App = trimmed(app["name"])
	} else {
		m.App = trimmed(context["app"])
	}
	m.Device = Device{ID: oracleID(device["id"]), Type: trimmed(device["type"]), AdvertisingID: oracleID(device["advertisingId"]), Token: oracleID(device["token"])}
	m.Device.AdTrackingEnabled = device["adTrackingEnabled"] == true
	if lower := asciiLower(m.Device.Type); lower == "ios" || lower == "android" {
		m.Device.Type = lower
	}
	list, _ := context["externalIds"].([]any)
	for _, entry := range list {
		e, _ := entry.(map[string]any)
		id := ExternalID{oracleID(e["id"]), strings.ToLower(strings.TrimFunc(oracleText(e["type"]), oracleUnseen)), oracleText(e["collection"])}
		if id.ID != "" && id.Type != "" && (id.Collection == "users" || id.Collection == "accounts") && oracleText(e["encoding"]) == "none" {
			m.ExternalIDs = append(m.ExternalIDs, id)
		}
	}

	// What the type of call needs.
	emptyOr := func(key string) bool {
		switch v := top[key].(type) {
		case nil, map[string]any:
			return true
		case string:
			return strings.TrimSpace(v) == ""
		case []any:
			return len(v) == 0
		}
		return false
	}
	switch m.Type {
	case Identify:
		if !emptyOr("traits") {
			return m, false
		}
	case Track:
		name, ok := strict("event")
		if m.Name = strings.TrimSpace(name); !ok || m.Name == "" || !emptyOr("properties") {
			return m, false
		}
	case Page, Screen:
		if m.Name = trimmed(top["name"]); !emptyOr("properties") {
			return m, false
		}
	case Group:
		if m.GroupID == "" || !emptyOr("traits") {
			return m, false
		}
	case Alias:
		if m.PreviousID == "" || m.UserID == "" {
			return m, false
		}
	}
	d := m.Device
	mobile := d.Type == "ios" || d.Type == "android"
	ids := []string{m.UserID, m.AnonymousID, m.GAClientID, m.CrossDomainID, m.BrazeID, m.ContextGroupID, m.ContextTraitsEmail, m.PropertiesEmail}
	if m.Type == Identify {
		ids = append(ids, m.TraitsEmail)
	}
	if m.Type == Group {
		ids = append(ids, m.GroupID)
	}
	if mobile {
		ids = append(ids, d.ID, d.Token)
	}
	if mobile && d.AdTrackingEnabled {
		ids = append(ids, d.AdvertisingID)
	}
	if strings.Join(ids, "") == "" && len(m.ExternalIDs) == 0 {
		return m, false
	}
	return m, oracleTimes(&m, top, env) || env.Live
}

// oracleTimes is the time rule in unbounded integers.
func oracleTimes(m *Message, top map[string]any, env Envelope) bool {
	nanos := func(at instant) *big.Int {
		n := new(big.Int).Mul(big.NewInt(at.secs), big.NewInt(second))
		return n.Add(n, big.NewInt(int64(at.nano)))
	}
	// kind is none, good, low, high or bad.
	get := func(key string) (t *big.Int, kind string) {
		switch top[key].(type) {
		case nil:
			return nil, "none"
		case string, json.Number:
			text := strings.TrimSpace(oracleText(top[key]))
			if text == "" {
				return nil, "none"
			}
			at, ok := parseInstant(text)
			zero := time.Time{}.Unix()
			switch n := at.nanos(); {
			case !ok:
				return nil, "bad"
			case at.secs >= zero-86400 && at.secs <= zero+86400:
				return nil, "none"
			case n == math.MinInt64:
				return nanos(at), "low"
			case n == math.MaxInt64:
				return nanos(at), "high"
			}
			return nanos(at), "good"
		}
		return nil, "bad"
	}
	m.ReceivedAt = env.ReceivedAt
	if own, kind := get("receivedAt"); env.OwnReceipt && kind == "good" && own.Sign() >= 0 && own.Cmp(big.NewInt(env.ReceivedAt)) <= 0 {
		m.ReceivedAt = own.Int64()
	}
	m.Time = m.ReceivedAt
	m.Sent = sentOf(env.SentAt, env.sentOdd)
	stamp, stampKind := get("timestamp")
	original, originalKind := get("originalTimestamp")
	sent, sentKind := get("sentAt")
	if sentKind == "none" || sentKind == "bad" {
		sent, sentKind = big.NewInt(env.SentAt), "good"
		if env.SentAt == 0 {
			sentKind = "none"
		}
		if env.SentAt == 0 && env.sentOdd != (instant{}) {
			sent, sentKind = nanos(env.sentOdd), "low"
			if env.sentOdd.secs > 0 {
				sentKind = "high"
			}
		}
	}
	// A live message has no time that cannot be read, as long as it has another.
	if env.Live && stampKind == "bad" && originalKind != "none" && originalKind != "bad" {
		stampKind = "none"
	}
	if env.Live && originalKind == "bad" && stampKind != "none" && stampKind != "bad" {
		originalKind = "none"
	}
	if stampKind == "none" {
		stamp, stampKind = original, originalKind
	}
	if originalKind == "none" {
		original, originalKind = stamp, stampKind
	}
	if stampKind == "none" {
		return true
	}
	fine := func() bool {
		if stampKind == "bad" || originalKind == "bad" {
			return false
		}
		var t *big.Int
		gap := new(big.Int)
		if sentKind != "none" {
			gap.Sub(sent, original)
		}
		years := new(big.Int).Mul(big.NewInt(3660*86400), big.NewInt(second))
		switch {
		case sentKind == "good" && originalKind == "good", sentKind != "none" && sentKind != "good" && originalKind != "good" && gap.CmpAbs(years) <= 0:
			t = gap.Sub(big.NewInt(m.ReceivedAt), gap)
		case stampKind == "good":
			t = stamp
		case stampKind == "high":
			return true
		case originalKind == "good":
			t = original
		case originalKind == "high":
			return true
		default:
			return false
		}
		if t.Sign() < 0 {
			return false
		}
		if t.Cmp(big.NewInt(m.ReceivedAt)) < 0 {
			m.Time = t.Int64()
		}
		return true
	}()
	return fine
}

// oracleDecode decodes one JSON text, or returns an error as the value.
func oracleDecode(raw []byte) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("text after the value")
	}
	return v
}

func oracleText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// oracleID is a value as an ID: numbers by way of exact fractions.
func oracleID(v any) string {
	number, isNumber := v.(json.Number)
	if !isNumber {
		return strings.TrimFunc(oracleText(v), oracleUnseen)
	}
	text := number.String()
	mantissa, power, _ := strings.Cut(strings.ToLower(text), "e")
	if strings.Trim(mantissa, "-0.") == "" {
		return "0"
	}
	if exp, ok := new(big.Int).SetString(strings.TrimPrefix(cmp.Or(power, "0"), "+"), 10); !ok || exp.CmpAbs(big.NewInt(3000)) > 0 {
		// Whole and short only if the mantissa is as long.
		if len(mantissa) < 2000 {
			return text
		}
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok || !r.IsInt() || len(strings.TrimPrefix(r.Num().String(), "-")) > 40 {
		return text
	}
	return r.Num().String()
}

// ignorable are the ranges of Default_Ignorable_Code_Point in
// DerivedCoreProperties.txt of Unicode 15.
var ignorable = [][2]rune{
	{0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},
	{0x202a, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfff8},
	{0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
}

func oracleUnseen(r rune) bool {
	return unicode.IsSpace(r) || slices.ContainsFunc(ignorable, func(p [2]rune) bool { return p[0] <= r && r <= p[1] })
}

// oracleDepth counts the deepest nesting of valid JSON.
func oracleDepth(raw []byte) int {
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// compareWithOracle holds Parse against the oracle on one input.
func compareWithOracle(t *testing.T, raw []byte, env Envelope) {
	t.Helper()
	before := bytes.Clone(raw)
	got, err := Parse(raw, env)
	if !bytes.Equal(before, raw) {
		t.Fatalf("Parse changed the body %q to %q", before, raw)
	}
	want, ok := oracleParse(raw, env)
	if (err == nil) != ok {
		t.Fatalf("Parse(%q): %v; encoding/json says accepted=%v", raw, err, ok)
	}
	if err != nil {
		var r *Refusal
		if !errors.As(err, &r) || r.Code == "" || r.Reason == "" {
			t.Fatalf("Parse(%q): no proper refusal: %#v", raw, err)
		}
		valid := json.Valid(raw)
		if valid && r.Code == BadJSON || !valid && r.Code != BadJSON && r.Code != BadUTF8 && r.Code != TooDeep && r.Code != TooLarge {
			t.Fatalf("Parse(%q): %v; json.Valid says %v", raw, err, valid)
		}
		if !utf8.ValidString(r.Reason) || len(r.Reason) > 500 {
			t.Fatalf("Parse(%q): unfit reason %q", raw, r.Reason)
		}
		return
	}
	if !bytes.Equal(got.Body, raw) {
		t.Fatalf("Parse(%q): Body is %q", raw, got.Body)
	}
	top := oracleDecode(raw).(map[string]any)
	context, _ := top["context"].(map[string]any)
	for _, o := range []struct {
		name string
		got  []byte
		want any
	}{{"traits", got.Traits, top["traits"]}, {"properties", got.Properties, top["properties"]}, {"context.traits", got.ContextTraits, context["traits"]}} {
		object, isObject := o.want.(map[string]any)
		if isObject != (o.got != nil) {
			t.Fatalf("Parse(%q): %s is %q", raw, o.name, o.got)
		}
		if isObject && !reflect.DeepEqual(oracleDecode(o.got), any(object)) {
			t.Fatalf("Parse(%q): %s is %q", raw, o.name, o.got)
		}
	}
	if unread := got.Unread != nil; unread {
		top := oracleDecode(raw).(map[string]any)
		if !env.Live || got.Time != got.ReceivedAt || oracleTimes(&Message{}, top, env) {
			t.Fatalf("Parse(%q): %+v", raw, got)
		}
	}
	if env.Live && got.Unread == nil && max(got.Time-want.Time, want.Time-got.Time) <= eraBack {
		if top := oracleDecode(raw).(map[string]any); !oracleTimes(&Message{}, top, env) {
			want.Time = got.Time // of a Japanese era, of which the oracle knows nothing
		}
	}
	got.Unread = nil
	got.Body, got.Traits, got.Properties, got.ContextTraits = nil, nil, nil, nil
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("Parse(%q):\n got %+v\nwant %+v", raw, got, want)
	}
}
