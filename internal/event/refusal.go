package event

import "fmt"

// Code is the machine-readable reason of a refusal. Codes are part of the
// public API: they are stored, counted and searched for, so a code is never
// renamed and never given another meaning.
type Code string

// The reasons why a message, or a whole request, is refused.
const (
	// BadJSON: the text breaks the grammar of RFC 8259.
	BadJSON Code = "bad_json"
	// BadUTF8: a string holds bytes that are not UTF-8.
	BadUTF8 Code = "bad_utf8"
	// TooDeep: objects and arrays are nested deeper than Limits.Depth.
	TooDeep Code = "too_deep"
	// TooLarge: a message or a request has more bytes than its limit.
	TooLarge Code = "too_large"
	// TooMany: a request has more than Limits.BatchMessages messages.
	TooMany Code = "too_many"
	// NotObject: JSON, but not an object, where a message or a request has to be one.
	NotObject Code = "not_object"
	// BadBatch: a batch request without the array `batch`.
	BadBatch Code = "bad_batch"
	// MissingType: neither the message nor the endpoint says which call it is.
	MissingType Code = "missing_type"
	// UnknownType: `type` is none of the six calls.
	UnknownType Code = "unknown_type"
	// MissingID: nothing says who this is about.
	MissingID Code = "missing_id"
	// MissingEvent: a track call without `event`.
	MissingEvent Code = "missing_event"
	// MissingGroupID: a group call without `groupId`.
	MissingGroupID Code = "missing_group_id"
	// MissingPreviousID: an alias call without `previousId`.
	MissingPreviousID Code = "missing_previous_id"
	// MissingUserID: an alias call without `userId`.
	MissingUserID Code = "missing_user_id"
	// BadField: a field that matters has a JSON type it cannot have.
	BadField Code = "bad_field"
	// BadMessageID: `messageId` is longer than Limits.MessageID.
	BadMessageID Code = "bad_message_id"
	// BadTimestamp: `timestamp` or `originalTimestamp` is no time, or is before 1970.
	BadTimestamp Code = "bad_timestamp"
	// TimestampUnread is no refusal but a note: what would be BadTimestamp in a
	// file was taken as a live event, with the time of its receipt.
	TimestampUnread Code = "timestamp_unread"
	// IDUsed: another event had the messageId before, within the dedupe window. Parse
	// cannot know; whoever keeps events does.
	IDUsed Code = "id_used_before"
)

// Refusal says why a message or a request is not accepted, to a program by
// Code and to a person by Reason. Find it in an error with errors.As.
type Refusal struct {
	Code Code
	// Field is the path of the field that is wrong, "" when it is no single field.
	Field string
	// Offset is the byte, from 0, at which the text given to Split or Parse
	// stops being right; -1 when the text is well formed.
	Offset int
	// Reason says what is wrong, where, and what to do about it. It never
	// quotes more than a few bytes of what was sent.
	Reason string
}

// Error is the reason.
func (r *Refusal) Error() string { return r.Reason }

func refuse(code Code, field, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Field: field, Offset: -1, Reason: fmt.Sprintf(format, args...)}
}
