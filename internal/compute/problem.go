package compute

import "strings"

// Problem is why a condition or a value did not count. It stops nothing; it is counted
// and shown.
type Problem uint8

// The problems.
const (
	None        Problem = iota
	MissingKey          // a condition asks for something that is not there
	WrongType           // a value is of another type than is needed
	ZeroDivisor         // a condition divides by zero
	TooCostly           // a condition needs more steps than it may
	TooLong             // a value is too long, or a number has too many digits
	Failed              // a condition failed otherwise
	problems
)

// String names the problem as people read it.
func (p Problem) String() string {
	switch p {
	case None:
		return "none"
	case MissingKey:
		return "missing"
	case WrongType:
		return "wrong type"
	case ZeroDivisor:
		return "division by zero"
	case TooCostly:
		return "too costly"
	case TooLong:
		return "too long"
	}
	return "failed"
}

// problemOf reads an error of CEL, which has no sentinels.
func problemOf(err error) Problem {
	s := err.Error()
	for _, one := range []struct {
		part string
		is   Problem
	}{
		{"no such key", MissingKey}, {"no such attribute", MissingKey}, {"index out of bounds", MissingKey},
		{"division by zero", ZeroDivisor}, {"modulus by zero", ZeroDivisor},
		{"cost limit exceeded", TooCostly},
		{"no such overload", WrongType}, {"no time in ISO 8601", WrongType}, {"type conversion error", WrongType},
	} {
		if strings.Contains(s, one.part) {
			return one.is
		}
	}
	return Failed
}
