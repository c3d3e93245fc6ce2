package space

import (
	"encoding/binary"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// This file declares every kind of key of a store that holds spaces. All
// integers in keys are big-endian, so that keys sort as numbers do.
//
//	store     0x00 "schema"                              → schema version, uvarint
//	store     0x00 "secret"                              → 16 random bytes, the key of all hashes
//	store     0x00 "space/" name                         → number of the space, 2 bytes
//	store     0x00 "spaces"                              → the last number given out, 2 bytes
//	catalog   0x02 …                                     → see package catalog
//	a space   0x01 number(2) kind …                      → the kinds below
const (
	metaPrefix  = 0x00
	spacePrefix = 0x01
)

// The kinds of keys of a space.
const (
	// strand(16) → strandRecord: the IDs, the verdicts, the first event
	kindStrand = 's'
	// ID hash(16) → nodeRecord: type and value, the profile that owns it, the
	// strands that hold it while they are few
	kindNode = 'i'
	// ID hash(16) list(1) class(1) time(8) strand(16) → nothing: the strands
	// that hold an ID when they are many; list is one of the lists below
	kindLink = 'l'
	// profile(20) → profileRecord
	kindProfile = 'p'
	// strand(16) → the traits that were set under the strand (profile.AppendTraits)
	kindTraits = 't'
	// strand(16) time(8) block(8) ordinal(2) → nothing: the strand's events
	kindEvent = 'e'
	// user strand(16) account strand(16) → pairRecord: seen together
	kindUserAccount = 'u'
	// account strand(16) user strand(16) → nothing: the same, from the other end
	kindAccountUser = 'a'
	// block(8) → the events of a block: strand, time, source, messageId's hash
	kindHeader = 'h'
	// block(8) → the bodies of a block, compressed
	kindBodies = 'b'
	// block(8) → bitmap of the ordinals that were erased; every reader honours it
	kindErased = 'x'
	// lane(8) seq(8) → feed record
	kindFeed = 'f'
	// class(1) time(8) strand(16) messageId → seedRecord: a replay that was put off
	kindPending = 'j'
	// source tag(4) time(8) random(4) → rejectRecord: a refused message
	kindReject = 'r'
	// the same → its body
	kindRejectBody = 'B'
	// lane(8) source 00 code → rejectCount: what the lane added, less what it removed
	kindRejectCount = 'R'
	// name → value: progress of imports
	kindMark = 'm'
	// nothing → rulesRecord: the rules at work
	kindRules = 'g'
	// nothing → time(8): until when commits give way once to a change of rules
	kindNotice = 'N'
	// version(8) → rulesRecord: every version of the rules that ever was at work
	kindRulesVersion = 'G'
	// nothing → rekeyCursor: how far events were moved to the strands of new rules
	kindRekey = 'q'
	// strand(16) → leftStrand: events were moved away from it, and what that
	// changes is not settled yet
	kindMoved = 'Q'
	// override ID → overrideRecord: what people decided
	kindOverride = 'k'
	// time(8) random(8) → audit.Entry: who changed what
	kindAudit = 'y'
	// ID type → event time: types that arrived without being listed
	kindNewType = 'n'
	// hour(8) lane(8) → Tally: what happened in an hour
	kindTally = 'T'
	// warning ID(8) → warningRecord: what should be looked at
	kindWarning = 'w'
	// nothing → watchRecord: how far the watcher has read the feed
	kindWatch = 'W'
	// lane(8) → countersRecord: profiles, strands
	kindCounters = 'c'
	// exclusive store: generation … → recent message IDs that left the memory,
	// see recent.go; shared store: hash of a messageId(8) → time(8) messageId
	kindRecent = 'd'
	// name → lease: which node does what only one may do
	kindLease = 'o'
)

// The lists of kindLink.
const (
	listAccepted = 'A' // strands that accept the ID, by their place
	listDemoted  = 'D' // strands that hold but do not accept it, by their place
	listWindowed = 'W' // those of both whose verdict a window ever changed or may change
)

// keyspace makes the keys of one space.
type keyspace [3]byte

func newKeyspace(number uint16) keyspace {
	return keyspace{spacePrefix, byte(number >> 8), byte(number)}
}

func (k keyspace) key(kind byte, parts ...[]byte) []byte {
	n := len(k) + 1
	for _, p := range parts {
		n += len(p)
	}
	b := make([]byte, 0, n)
	b = append(append(b, k[:]...), kind)
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func (k keyspace) hash(kind byte, h identity.Hash) []byte { return k.key(kind, h[:]) }

func (k keyspace) number(kind byte, n uint64) []byte {
	return k.key(kind, binary.BigEndian.AppendUint64(nil, n))
}

func (k keyspace) numbers(kind byte, a, b uint64) []byte {
	return k.key(kind, binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, a), b))
}

// event appends the key of one event of a strand to dst.
func (k keyspace) event(dst []byte, strand identity.Hash, time int64, block uint64, ordinal int) []byte {
	dst = append(append(dst, k[:]...), kindEvent)
	dst = append(dst, strand[:]...)
	dst = appendTime(dst, time)
	dst = binary.BigEndian.AppendUint64(dst, block)
	return binary.BigEndian.AppendUint16(dst, uint16(ordinal))
}

// eventRef is where an event of a strand lies.
type eventRef struct {
	time    int64
	block   uint64
	ordinal int
}

const eventKeyBytes = 3 + 1 + 16 + 8 + 8 + 2

func parseEventKey(key []byte) (eventRef, bool) {
	if len(key) != eventKeyBytes {
		return eventRef{}, false
	}
	key = key[20:]
	return eventRef{
		time:    parseTime(key),
		block:   binary.BigEndian.Uint64(key[8:]),
		ordinal: int(binary.BigEndian.Uint16(key[16:])),
	}, true
}

// eventsFrom is the first key of a strand's events at or after a time.
func (k keyspace) eventsFrom(strand identity.Hash, time int64) []byte {
	return k.key(kindEvent, strand[:], appendTime(nil, time))
}

// link is the key of a strand in a list of an ID.
func (k keyspace) link(id identity.Hash, list, class byte, time int64, strand identity.Hash) []byte {
	return k.key(kindLink, id[:], []byte{list, class}, appendTime(nil, time), strand[:])
}

// linksFrom is the first key of a list of an ID at or after a place.
func (k keyspace) linksFrom(id identity.Hash, list, class byte, time int64) []byte {
	return k.key(kindLink, id[:], []byte{list, class}, appendTime(nil, time))
}

// linksEnd is the end of a list of an ID.
func (k keyspace) linksEnd(id identity.Hash, list byte) []byte {
	return kv.PrefixEnd(k.key(kindLink, id[:], []byte{list}))
}

func linkStrand(key []byte) (h identity.Hash) {
	copy(h[:], key[len(key)-len(h):])
	return h
}

// appendTime appends a time so that earlier times sort first, those before 1970
// too.
func appendTime(dst []byte, t int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(t)^1<<63)
}

func parseTime(b []byte) int64 { return int64(binary.BigEndian.Uint64(b) ^ 1<<63) }
