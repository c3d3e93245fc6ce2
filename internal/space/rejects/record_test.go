package rejects

import (
	"bytes"
	"testing"
)

// A damaged record is an error, and one that can be read can be written.
func FuzzRecord(f *testing.F) {
	f.Add((&rejectRecord{Reject: Reject{Code: "bad_json", Count: 3}, stored: 70}).append(nil))
	f.Add([]byte{rejectVersion})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeReject(rejectID{}, b)
		if err != nil {
			return
		}
		again := r.append(nil)
		if r2, err := decodeReject(rejectID{}, again); err != nil || !bytes.Equal(r2.append(nil), again) {
			t.Fatalf("a reject that was read cannot be written: %v", err)
		}
	})
}
