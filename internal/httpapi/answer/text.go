package answer

import (
	"encoding/json"
	"time"
	"unicode/utf8"
)

// AppendString appends s as a JSON string.
func AppendString(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			text, err := json.Marshal(s)
			if err != nil {
				panic(err) // strings always encode
			}
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// AppendTime appends a time in nanoseconds since 1970 as ISO 8601. Zero is a time
// like any other: events of the first moment of 1970 exist.
func AppendTime(b []byte, ns int64) []byte {
	b = append(b, '"')
	b = time.Unix(0, ns).UTC().AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

// Time is AppendTime for structs.
func Time(ns int64) *time.Time {
	t := time.Unix(0, ns).UTC()
	return &t
}

// TimeIfAny is Time for what may not have been, which has the time 0: nil then.
// It is for times of the server's clock and for fields that say so; the time of
// an event may be 0.
func TimeIfAny(ns int64) *time.Time {
	if ns == 0 {
		return nil
	}
	return Time(ns)
}
