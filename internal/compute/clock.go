package compute

import (
	"time"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

const (
	second = int64(time.Second)
	day    = 24 * int64(time.Hour)
)

// ceil is the first whole second that is not before a time.
func ceil(t int64) int64 {
	if t < 0 {
		return -(-t / second * second)
	}
	return (t + second - 1) / second * second
}

// floor is the last whole second that is not after a time.
func floor(t int64) int64 {
	if t < 0 {
		return -((-t + second - 1) / second * second)
	}
	return t / second * second
}

// sooner is the earlier of two moments, of which 0 is never.
func sooner(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func timestamp(t int64) ref.Val { return types.Timestamp{Time: time.Unix(0, t).UTC()} }
