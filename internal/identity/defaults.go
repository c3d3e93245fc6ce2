package identity

import (
	"strings"
	"time"
)

// The ID types that a message may have without any rule (Segment's page "Identity
// Resolution ExternalIDs", and Braze's), in the canonical order of types.
var builtinTypes = []string{
	typeAndroidID, typeAndroidIDFA, typeAndroidPushToken,
	typeAnonymousID, typeBrazeID, typeCrossDomainID, typeEmail, typeGAClientID, typeGroupID,
	typeIOSID, typeIOSIDFA, typeIOSPushToken,
	typeUserID,
}

const (
	typeUserID           = "user_id"
	typeEmail            = "email"
	typeGroupID          = "group_id"
	typeBrazeID          = "braze_id"
	typeAnonymousID      = "anonymous_id"
	typeGAClientID       = "ga_client_id"
	typeCrossDomainID    = "cross_domain_id"
	typeIOSID            = "ios.id"
	typeIOSIDFA          = "ios.idfa"
	typeIOSPushToken     = "ios.push_token"
	typeAndroidID        = "android.id"
	typeAndroidIDFA      = "android.idfa"
	typeAndroidPushToken = "android.push_token"
)

// isBuiltin reports whether a type is one of builtinTypes.
func isBuiltin(idType string) bool {
	switch idType {
	case typeUserID, typeEmail, typeGroupID, typeBrazeID, typeAnonymousID, typeGAClientID, typeCrossDomainID,
		typeIOSID, typeIOSIDFA, typeIOSPushToken, typeAndroidID, typeAndroidIDFA, typeAndroidPushToken:
		return true
	}
	return false
}

// belongsToDevice reports whether a type names a device or a cookie and not a
// person. The prefixes are a device's whatever follows them (DESIGN.md §3).
func belongsToDevice(idType string) bool {
	switch idType {
	case typeAnonymousID, typeGAClientID, typeCrossDomainID:
		return true
	}
	return strings.HasPrefix(idType, "ios.") || strings.HasPrefix(idType, "android.")
}

// Settings that were not made.
const (
	defaultMaxIdentifiers = 1000
	defaultMaxMerges      = 100
	defaultValues         = 5
)

// builtinLimit is the limit of a type that neither the list nor Defaults speak
// of. The cookies' week is what Segment's guide advises; there the default is ever.
func builtinLimit(idType string) Limit {
	switch idType {
	case typeUserID, typeGroupID:
		return Limit{Values: 1}
	case typeAnonymousID, typeGAClientID:
		return Limit{Values: defaultValues, Window: 7 * day}
	}
	return Limit{Values: defaultValues}
}

// Values that careless code sends for many people: first what Segment's page
// "Identity Resolution Settings" suggests, then what JavaScript, Python, Go and
// Objective-C print for nothing, and the placeholders of SDKs. They are whole
// values and exactly as written, for Nan is a name.
var builtinBlocked = Blocklist{
	"-1", "null", "anonymous",
	"NULL", "undefined", "nil", "None", "NaN", "true", "false", "guest", "unknown", "distinct_id", "[object Object]",
}

// zeroesPattern is what a device gives for an advertising ID it may not tell.
const zeroesPattern = `^[0-]*$`

var builtinBlockedPatterns = Blocklist{zeroesPattern}

const day = 24 * time.Hour

// windows are the words for the windows of limits, in the order of their length.
var windows = []struct {
	word   string
	length time.Duration
}{
	{"ever", 0}, {"daily", day}, {"weekly", 7 * day}, {"monthly", 30 * day}, {"annually", 365 * day},
}

// parseWindow reads a window's word.
func parseWindow(word string) (time.Duration, bool) {
	for _, w := range windows {
		if w.word == word {
			return w.length, true
		}
	}
	return 0, false
}

// WindowWord gives the word by which rules call the limit's window, such as
// weekly.
func (l Limit) WindowWord() string {
	for _, w := range windows {
		if w.length == l.Window {
			return w.word
		}
	}
	return l.Window.String()
}
