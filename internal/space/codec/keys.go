package codec

import (
	"encoding/binary"
	"math"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// This file declares every kind of key of a store that holds spaces: its tag, its
// parts in their order, and what its value is. Builders and parsers come from the
// declarations; nothing else takes a key apart. Integers are big-endian, so that
// keys sort as numbers do. Keys of the catalog begin with 0x02, see package catalog.

// The kinds of keys of a space.
var (
	Strands      = key1("s", "strands", hashPart("strand"), "Strand: the IDs, the verdicts, the first event")
	Identifiers  = key1("i", "identifiers", hashPart("ID"), "Identifier: type, value, owner, the strands that hold it while they are few")
	Links        = key5("l", "links", hashPart("ID"), bytePart("list"), bytePart("class"), timePart("time"), hashPart("strand"), "nothing: the strands that hold an ID when they are many")
	Profiles     = key1("p", "profiles", profilePart("profile"), "Profile")
	Traits       = key1("t", "traits", hashPart("strand"), "the traits that were set under the strand, see package profile")
	Events       = key2("e", "events", hashPart("strand"), momentPart("event"), "nothing: the strand's events, in the order of resolution")
	UserAccounts = key2("u", "accounts of users", hashPart("user strand"), hashPart("account strand"), "Pair: seen together")
	AccountUsers = key2("a", "users of accounts", hashPart("account strand"), hashPart("user strand"), "nothing: the same from the other end")

	Headers = key1("h", "block headers", blockPart("block"), "the events of a block: strand, time, source, hash of the messageId")
	Bodies  = key1("b", "bodies", blockPart("block"), "the bodies of a block, compressed")
	Erased  = key1("x", "erased events", blockPart("block"), "bitmap of the ordinals that were erased; every reader honours it")

	FeedRecords  = key2("f", "feed records", numberPart("lane"), numberPart("sequence"), "feed record")
	Deferrals    = key4("j", "deferred replays", bytePart("collection"), timePart("time"), hashPart("strand"), arrivalPart("event"), "Deferred")
	Rejects      = key3("r", "rejects", smallPart("source tag"), timePart("time"), smallPart("random"), "what is known of a refused message")
	RejectBodies = key3("B", "bodies of rejects", smallPart("source tag"), timePart("time"), smallPart("random"), "its body")
	RejectCounts = key2("R", "counts of rejects", numberPart("lane"), textPart("source 0x00 code"), "what one lane added, less what it removed")
	Marks        = key1("m", "marks", textPart("name"), "progress of an import")

	Rules         = key0("g", "rules", "the rules in force")
	RulesNotice   = key0("N", "notice of rules", "time(8): until when commits yield once to a change of rules")
	RulesVersions = key1("G", "versions of rules", numberPart("version"), "every version that ever was in force")
	RekeyCursor   = key0("q", "re-keying cursor", "how far events were moved to the strands of new rules")
	LeftStrands   = key1("Q", "left strands", hashPart("strand"), "events were moved away from it, and what that changes is not settled yet")
	Overrides     = key1("k", "overrides", textPart("override"), "what people decided")
	Audit         = key1("y", "audit trail", rawPart("time(8) random(8)", 16), "audit entry")
	NewTypes      = key1("n", "new ID types", textPart("type"), "time(8) at which an unlisted type first arrived")

	SearchEntries  = key2("zi", "search index", bytePart("collection"), textPart("kind(1) field 0x00 term 0x00 subject(16)"), "nothing: a strand has a trait, or there is an ID; see package search")
	SearchTerms    = key1("zt", "search terms", hashPart("strand"), "what the search index says of the strand")
	SearchComputed = key1("zp", "search terms of computed traits", profilePart("profile"), "what the search index says of the profile's computed traits")
	SearchState    = key0("zf", "search state", "how far the search index is")

	Tallies      = key2("T", "hourly counts", timePart("hour"), numberPart("lane"), "what happened in an hour")
	Warnings     = key1("w", "warnings", rawPart("warning", 8), "what should be looked at")
	Watch        = key0("W", "watcher", "how far the watcher has read the feed")
	LaneCounters = key1("c", "counters", numberPart("lane"), "Counters")
	SourceCounts = key2("S", "counts of sources", numberPart("lane"), textPart("source"), "SourceCount: what one lane stored of the source's events")
	Lanes        = key0("L", "lanes", "number(8): the last lane given out on a shared store")
	Leases       = key1("o", "leases", textPart("duty"), "which process does what only one may do, see package lease")
	LeaseEnds    = key1("O", "ends of leases", textPart("duty"), "time(8): until when it is held")

	// What definitions of traits and audiences make of events, see package space/computed.
	Rows               = key3("vr", "rows", hashPart("strand"), smallPart("stream"), momentPart("event"), "what an event contributes to a stream of the definitions")
	DefinitionVersions = key1("vd", "versions of definitions", numberPart("revision"), "every version that ever was in force, with who and when")
	States             = key1("vs", "states", profilePart("profile"), "the values and memberships that were told, see package space/computed")
	Timers             = key2("vt", "timers", timePart("time"), profilePart("profile"), "nothing: when a profile's values may change by themselves, at most one a profile")
	Members            = key2("vm", "members", smallPart("definition"), profilePart("profile"), "time(8): since when the profile is in the audience")
	Folds              = key2("vf", "folds of large profiles", profilePart("profile"), textPart("part"), "what the evaluator keeps of a profile with very many rows, see package space/computed")
	Evaluation         = key0("ve", "evaluation", "how far the evaluator has read the feed, sizes of audiences, progress over history")

	// Destinations, see package deliver. They are known by a number that is never used
	// again.
	Destinations        = key1("zd", "destinations", textPart("destination"), "Definition: number, text, when and by whom it was set")
	DestinationSecrets  = key1("zk", "secrets of destinations", textPart("destination"), "what its definition has of passwords and keys")
	DestinationVersions = key1("zv", "versions of destinations", numberPart("version"), "every version that was applied, with who and when")
	DestinationNumber   = key0("zn", "last destination", "number(4): the last one given out")
	DestinationStates   = key1("zs", "states of destinations", smallPart("destination"), "cursor in the feed, counters, why it was stopped")
	Ledger              = key3("zl", "ledger", smallPart("destination"), hashPart("identifier"), textPart("name"), "what was said last: value, the message that says it")
	DeliveryQueue       = key2("zq", "queued messages", smallPart("destination"), numberPart("message"), "message with its tries")
	DeliveryLanes       = key3("zr", "lanes of messages", smallPart("destination"), hashPart("lane"), numberPart("message"), "nothing: what waits in a lane, in order")
	DeliveryDue         = key3("zu", "lanes that are due", smallPart("destination"), timePart("due"), hashPart("lane"), "nothing: when the first message of a lane is tried")
	DeadLetters         = key2("zx", "dead letters", smallPart("destination"), numberPart("message"), "message with why it was not delivered")
	MailLog             = key3("zm", "sent mails", smallPart("destination"), hashPart("address or profile"), timePart("time"), "ID and name of the mail, time of the entry that it is about")
	Suppressed          = key1("zy", "suppressed addresses", hashPart("address"), "why no mail goes there: unsubscribed, bounced; when")

	// Which profiles may be one person, see package space/duplicates.
	Signs          = key3("Cs", "signs", bytePart("kind"), hashPart("sign"), profilePart("profile"), "nothing: the profile can be recognised by it")
	SignsOf        = key1("Cp", "signs of profiles", profilePart("profile"), "kind(1) hash(16) of each sign")
	Duplicates     = key2("Cd", "possible duplicates", bytePart("kind"), hashPart("sign"), "time(8) since which several profiles have the sign")
	Dismissals     = key2("Cx", "dismissed duplicates", bytePart("kind"), hashPart("sign"), "which profiles are known to be several people, who said so, when and why")
	DuplicatesRead = key0("Cr", "duplicates cursor", "how far the feed was read for signs")

	// Recent messages of a store with one writer, see package dedupe.
	RecentSealed      = key0("ds", "sealed clock", "number(8): the clock of the last block whose messages are in generations")
	RecentGenerations = key1("dg", "generations of recent messages", numberPart("generation"), "generation")
	RecentPages       = key2("dp", "pages of recent messages", numberPart("generation"), smallPart("page"), "entries")
	RecentFilters     = key2("df", "filters of recent messages", numberPart("generation"), smallPart("part"), "filter")
	// Those of a shared store.
	RecentShared = key1("D", "recent messages", numberPart("hash of the messageId"), "time(8) fingerprint(8) messageId")
)

// EventKeyBytes is how long a key of Events is.
const EventKeyBytes = keyspaceBytes + 1 + 16 + MomentBytes

// RowKeyBytes is how long a key of Rows is.
const RowKeyBytes = keyspaceBytes + 2 + 16 + 4 + MomentBytes

// EventsFrom is the first key of a strand's events at or after a time.
func EventsFrom(ks Keyspace, strand identity.Hash, time int64) []byte {
	return Events.Key(ks, strand, event.Moment{Time: time, ReceivedAt: math.MinInt64})
}

// The lists of Links.
const (
	ListAccepted = 'A' // strands that accept the ID, by their place
	ListDemoted  = 'D' // strands that hold but do not accept it, by their place
	ListWindowed = 'W' // those of both whose verdict a window ever changed or may change
)

// Keys of the store as a whole.
var (
	StoreSchema    = []byte("\x00schema")  // → schema version, uvarint
	StoreSecret    = []byte("\x00secret")  // → 16 random bytes, the key of all hashes
	StoreLastSpace = []byte("\x00spaces")  // → the last number given to a space, 2 bytes
	StoreCopying   = []byte("\x00copying") // there while a copy into the store is not finished
	storeErasing   = "\x00erasing/"        // name → Erasing: the space is deleted, and its data is being erased
	storeSpace     = "\x00space/"          // name → number of the space, 2 bytes
)

// ErasedRules is the value of Rules in a space that was deleted. It is no rules that
// anybody can set, and stays there for ever.
const ErasedRules = "erased"

// StoreSpace is the key of a space's number.
func StoreSpace(name string) []byte { return append([]byte(storeSpace), name...) }

// StoreErasing is the key of how far the erasure of a deleted space is.
func StoreErasing(name string) []byte { return append([]byte(storeErasing), name...) }

// All is the range of all keys of the space: from <= key < to.
func (k Keyspace) All() (from, to []byte) { return Under(k[:]) }

// Keyspace is what the keys of one space begin with.
type Keyspace [keyspaceBytes]byte

const (
	keyspaceBytes = 3
	spacePrefix   = 0x01
)

// NewKeyspace is the keyspace of the space with a number.
func NewKeyspace(number uint16) Keyspace {
	return Keyspace{spacePrefix, byte(number >> 8), byte(number)}
}

// AllSpaces is the range of the keys of all spaces.
func AllSpaces() (from, to []byte) { return []byte{spacePrefix}, []byte{spacePrefix + 1} }

// KeyspaceOf is the keyspace of a key; false if it belongs to no space.
func KeyspaceOf(key []byte) (ks Keyspace, ok bool) {
	if len(key) < keyspaceBytes || key[0] != spacePrefix {
		return ks, false
	}
	copy(ks[:], key)
	return ks, true
}

// Number is the space's number.
func (k Keyspace) Number() uint16 { return binary.BigEndian.Uint16(k[1:]) }

// Copyable reports whether a row of a store means the same in another store. The
// memory of recent messages does not, for an exclusive store keeps it in another
// form than a shared one; nor do leases, which belong to nodes.
func Copyable(key []byte) bool {
	for _, k := range [...]kind{RecentSealed.kind, RecentGenerations.kind, RecentPages.kind, RecentFilters.kind, RecentShared.kind, Leases.kind, LeaseEnds.kind} {
		if k.Is(key) {
			return false
		}
	}
	return true
}

// AppendTime appends a time so that earlier times sort first, those before 1970
// too.
func AppendTime(dst []byte, t int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(t)^1<<63)
}

// ParseTime reads what AppendTime appended.
func ParseTime(b []byte) int64 { return int64(binary.BigEndian.Uint64(b) ^ 1<<63) }
