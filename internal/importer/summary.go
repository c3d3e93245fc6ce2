package importer

import (
	"maps"
	"slices"

	"github.com/selfsame-id/selfsame/internal/space"
)

// Summary is what an import did.
type Summary struct {
	Files      int   // read to their end, now or earlier
	Lines      int64 // read now: of a JSON document its events
	Events     int64 // stored now
	Repeats    int64 // seen before, and not counted again
	Compared   int64 // events that were compared with the whole store
	Used       int64 // refused and kept: other events had their messageIds before
	Created    int64 // profiles
	Merged     int64 // profiles merged away
	Unresolved int64 // events none of whose IDs was accepted
	Demoted    int64 // IDs left out by a rule

	Refusals map[string]Refused // by code
	Finished []Earlier          // files that an earlier run had finished
	Resumed  []Earlier          // files that an earlier run had begun

	Empty     []Vacant  // files without an event or anything else to refuse
	Encodings []Encoded // files that are not in UTF-8
}

// Vacant is a file with nothing in it, or with nothing but the header of a table.
type Vacant struct {
	Name   string
	Header bool
}

// Encoded is a file that was read in an encoding that is not UTF-8.
type Encoded struct{ Name, Encoding string }

// Taken reports whether anything of the files is stored, by this run or an
// earlier one.
func (s *Summary) Taken() bool {
	n := s.Events + s.Repeats
	for _, list := range [...][]Earlier{s.Finished, s.Resumed} {
		for i := range list {
			n += list[i].Events
		}
	}
	return n > 0
}

// Refused counts the lines that were refused for one reason.
type Refused struct {
	Count int64
	First string // the first one's message: file:line: reason
}

// Earlier is what earlier runs did of a file.
type Earlier struct {
	Name                    string
	Unit                    string // of Lines: "line", or "event" in a JSON document
	Lines, Events, Rejected int64
}

// Rejected is how many lines were refused now.
func (s *Summary) Rejected() int64 {
	n := int64(0)
	for _, r := range s.Refusals {
		n += r.Count
	}
	return n
}

// Refused is how many lines of the files were refused, now or earlier.
func (s *Summary) Refused() int64 {
	n := s.Rejected()
	for _, list := range [...][]Earlier{s.Finished, s.Resumed} {
		for i := range list {
			n += list[i].Rejected
		}
	}
	return n
}

func (s *Summary) add(b *Batch, r space.Receipt) {
	s.Lines += int64(len(b.Messages) + len(b.Rejects))
	s.Events += int64(r.Stored)
	s.Repeats += int64(r.Repeats)
	s.Compared += int64(r.Compared)
	s.Used += int64(r.IDUsed)
	s.Created += int64(r.Created)
	s.Merged += int64(r.Merged)
	s.Unresolved += int64(r.Unresolved)
	s.Demoted += int64(r.Demoted)
	for i := range b.Rejects {
		one := s.Refusals[b.Rejects[i].Code]
		if one.Count++; one.Count == 1 {
			one.First = b.Rejects[i].Message
		}
		s.Refusals[b.Rejects[i].Code] = one
	}
}

func (s *Summary) clone() Summary {
	c := *s
	c.Refusals = maps.Clone(s.Refusals)
	c.Finished = slices.Clone(s.Finished)
	c.Resumed = slices.Clone(s.Resumed)
	c.Empty = slices.Clone(s.Empty)
	c.Encodings = slices.Clone(s.Encodings)
	return c
}
