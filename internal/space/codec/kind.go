package codec

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// A part is one component of a key. Parts sort as their values do.
type part[T any] struct {
	name   string
	size   int // bytes; 0: the rest of the key
	append func([]byte, T) []byte
	read   func([]byte) T
}

func (p part[T]) String() string {
	if p.size == 0 {
		return p.name
	}
	return fmt.Sprintf("%s(%d)", p.name, p.size)
}

// take reads the part at the head of b and returns what follows it.
func (p part[T]) take(b []byte) (v T, rest []byte, ok bool) {
	n := p.size
	if n == 0 {
		n = len(b)
	}
	if len(b) < n {
		return v, nil, false
	}
	return p.read(b[:n]), b[n:], true
}

func hashPart(name string) part[identity.Hash] {
	return part[identity.Hash]{name, len(identity.Hash{}),
		func(b []byte, h identity.Hash) []byte { return append(b, h[:]...) },
		func(b []byte) (h identity.Hash) { copy(h[:], b); return h }}
}

func profilePart(name string) part[ProfileID] {
	return part[ProfileID]{name, len(ProfileID{}),
		func(b []byte, p ProfileID) []byte { return append(b, p[:]...) },
		func(b []byte) (p ProfileID) { copy(p[:], b); return p }}
}

// timePart is nanoseconds since 1970; times before sort first.
func timePart(name string) part[int64] { return part[int64]{name, 8, AppendTime, ParseTime} }

func numberPart(name string) part[uint64] {
	return part[uint64]{name, 8, binary.BigEndian.AppendUint64, binary.BigEndian.Uint64}
}

func smallPart(name string) part[uint32] {
	return part[uint32]{name, 4, binary.BigEndian.AppendUint32, binary.BigEndian.Uint32}
}

func blockPart(name string) part[event.Block] {
	return part[event.Block]{name, event.BlockBytes,
		func(b []byte, v event.Block) []byte { return append(b, v[:]...) },
		func(b []byte) event.Block { v, _ := event.ParseBlock(b); return v }}
}

func arrivalPart(name string) part[event.Arrival] {
	return part[event.Arrival]{name, event.ArrivalBytes,
		func(b []byte, v event.Arrival) []byte { return append(b, v[:]...) },
		func(b []byte) event.Arrival { v, _ := event.ParseArrival(b); return v }}
}

// MomentBytes is how long a moment of a key is.
const MomentBytes = 8 + 8 + event.ArrivalBytes

// momentPart is time(8) received(8) arrival(12).
func momentPart(name string) part[event.Moment] {
	return part[event.Moment]{name, MomentBytes, AppendMoment, ParseMoment}
}

// AppendMoment appends a moment so that earlier ones sort first.
func AppendMoment(dst []byte, m event.Moment) []byte {
	return append(AppendTime(AppendTime(dst, m.Time), m.ReceivedAt), m.Arrival[:]...)
}

// ParseMoment reads what AppendMoment appended.
func ParseMoment(b []byte) event.Moment {
	arrival, _ := event.ParseArrival(b[16:])
	return event.Moment{Time: ParseTime(b), ReceivedAt: ParseTime(b[8:]), Arrival: arrival}
}

func bytePart(name string) part[byte] {
	return part[byte]{name, 1,
		func(b []byte, v byte) []byte { return append(b, v) },
		func(b []byte) byte { return b[0] }}
}

// textPart is the rest of the key.
func textPart(name string) part[string] {
	return part[string]{name, 0,
		func(b []byte, s string) []byte { return append(b, s...) },
		func(b []byte) string { return string(b) }}
}

// rawPart is bytes of a fixed number that sort as they are.
func rawPart(name string, size int) part[[]byte] {
	return part[[]byte]{name, size,
		func(b, v []byte) []byte { return append(b, v...) },
		func(b []byte) []byte { return append([]byte(nil), b...) }}
}

// kind is what all kinds of keys have in common. The zero kind is none.
type kind struct {
	tag   string // what keys begin with behind the keyspace; no tag begins another
	name  string
	parts []string
	value string
}

// table lists the declared kinds in the order of their declaration.
var table []*kind

func declare(tag, name, value string, parts ...string) kind {
	k := kind{tag, name, parts, value}
	table = append(table, &k)
	return k
}

// Name is what the kind holds, in the plural.
func (k kind) Name() string { return k.name }

// Tag is what the kind's keys begin with behind their keyspace.
func (k kind) Tag() string { return k.tag }

// Is reports whether a key of any space is of the kind.
func (k kind) Is(key []byte) bool {
	return len(key) >= keyspaceBytes && key[0] == spacePrefix && strings.HasPrefix(string(key[keyspaceBytes:]), k.tag)
}

// All is the range of all keys of the kind in a space: from <= key < to.
func (k kind) All(ks Keyspace) (from, to []byte) {
	from = k.start(nil, ks)
	return from, kv.PrefixEnd(from)
}

func (k kind) start(dst []byte, ks Keyspace) []byte {
	return append(append(dst, ks[:]...), k.tag...)
}

// behind returns what follows the tag in a key.
func (k kind) behind(key []byte) ([]byte, bool) {
	if !k.Is(key) {
		return nil, false
	}
	return key[keyspaceBytes+len(k.tag):], true
}

// Prefix is what all keys of the kind in a space begin with.
func (k kind) Prefix(ks Keyspace) []byte { return k.start(nil, ks) }

// Under is the range of the keys that begin with a prefix.
func Under(prefix []byte) (from, to []byte) { return prefix, kv.PrefixEnd(prefix) }

// Key0 is a kind with one key in a space.
type Key0 struct{ kind }

func key0(tag, name, value string) Key0 { return Key0{declare(tag, name, value)} }

// Key is the key.
func (k Key0) Key(ks Keyspace) []byte { return k.start(nil, ks) }

// Key1 is a kind whose keys have one part.
type Key1[A any] struct {
	kind
	a part[A]
}

func key1[A any](tag, name string, a part[A], value string) Key1[A] {
	return Key1[A]{declare(tag, name, value, a.String()), a}
}

// Key is the key of a.
func (k Key1[A]) Key(ks Keyspace, a A) []byte { return k.Append(make([]byte, 0, 32), ks, a) }

// Append appends the key of a to dst.
func (k Key1[A]) Append(dst []byte, ks Keyspace, a A) []byte { return k.a.append(k.start(dst, ks), a) }

// Parse takes a key apart; false if it is not of the kind.
func (k Key1[A]) Parse(key []byte) (a A, ok bool) {
	b, ok := k.behind(key)
	if ok {
		a, b, ok = k.a.take(b)
	}
	return a, ok && len(b) == 0
}

// Key2 is a kind whose keys have two parts.
type Key2[A, B any] struct {
	kind
	a part[A]
	b part[B]
}

func key2[A, B any](tag, name string, a part[A], b part[B], value string) Key2[A, B] {
	return Key2[A, B]{declare(tag, name, value, a.String(), b.String()), a, b}
}

// Key is the key of a and b.
func (k Key2[A, B]) Key(ks Keyspace, a A, b B) []byte {
	return k.Append(make([]byte, 0, 40), ks, a, b)
}

// Append appends the key of a and b to dst.
func (k Key2[A, B]) Append(dst []byte, ks Keyspace, a A, b B) []byte {
	return k.b.append(k.a.append(k.start(dst, ks), a), b)
}

// Of is what all keys of a begin with.
func (k Key2[A, B]) Of(ks Keyspace, a A) []byte { return k.a.append(k.start(nil, ks), a) }

// Parse takes a key apart; false if it is not of the kind.
func (k Key2[A, B]) Parse(key []byte) (a A, b B, ok bool) {
	rest, ok := k.behind(key)
	if ok {
		a, rest, ok = k.a.take(rest)
	}
	if ok {
		b, rest, ok = k.b.take(rest)
	}
	return a, b, ok && len(rest) == 0
}

// Key3 is a kind whose keys have three parts.
type Key3[A, B, C any] struct {
	kind
	a part[A]
	b part[B]
	c part[C]
}

func key3[A, B, C any](tag, name string, a part[A], b part[B], c part[C], value string) Key3[A, B, C] {
	return Key3[A, B, C]{declare(tag, name, value, a.String(), b.String(), c.String()), a, b, c}
}

// Key is the key of a to c.
func (k Key3[A, B, C]) Key(ks Keyspace, a A, b B, c C) []byte {
	return k.Append(make([]byte, 0, 56), ks, a, b, c)
}

// Append appends the key of a to c to dst.
func (k Key3[A, B, C]) Append(dst []byte, ks Keyspace, a A, b B, c C) []byte {
	return k.c.append(k.b.append(k.a.append(k.start(dst, ks), a), b), c)
}

// Of is what all keys of a begin with.
func (k Key3[A, B, C]) Of(ks Keyspace, a A) []byte { return k.a.append(k.start(nil, ks), a) }

// Of2 is what all keys of a and b begin with.
func (k Key3[A, B, C]) Of2(ks Keyspace, a A, b B) []byte { return k.b.append(k.Of(ks, a), b) }

// Parse takes a key apart; false if it is not of the kind.
func (k Key3[A, B, C]) Parse(key []byte) (a A, b B, c C, ok bool) {
	rest, ok := k.behind(key)
	if ok {
		a, rest, ok = k.a.take(rest)
	}
	if ok {
		b, rest, ok = k.b.take(rest)
	}
	if ok {
		c, rest, ok = k.c.take(rest)
	}
	return a, b, c, ok && len(rest) == 0
}

// Key4 is a kind whose keys have four parts.
type Key4[A, B, C, D any] struct {
	kind
	a part[A]
	b part[B]
	c part[C]
	d part[D]
}

func key4[A, B, C, D any](tag, name string, a part[A], b part[B], c part[C], d part[D], value string) Key4[A, B, C, D] {
	return Key4[A, B, C, D]{declare(tag, name, value, a.String(), b.String(), c.String(), d.String()), a, b, c, d}
}

// Key is the key of a to d.
func (k Key4[A, B, C, D]) Key(ks Keyspace, a A, b B, c C, d D) []byte {
	return k.Append(make([]byte, 0, 64), ks, a, b, c, d)
}

// Append appends the key of a to d to dst.
func (k Key4[A, B, C, D]) Append(dst []byte, ks Keyspace, a A, b B, c C, d D) []byte {
	return k.d.append(k.c.append(k.b.append(k.a.append(k.start(dst, ks), a), b), c), d)
}

// Of is what all keys of a begin with.
func (k Key4[A, B, C, D]) Of(ks Keyspace, a A) []byte { return k.a.append(k.start(nil, ks), a) }

// Of2 is what all keys of a and b begin with.
func (k Key4[A, B, C, D]) Of2(ks Keyspace, a A, b B) []byte { return k.b.append(k.Of(ks, a), b) }

// Parse takes a key apart; false if it is not of the kind.
func (k Key4[A, B, C, D]) Parse(key []byte) (a A, b B, c C, d D, ok bool) {
	rest, ok := k.behind(key)
	if ok {
		a, rest, ok = k.a.take(rest)
	}
	if ok {
		b, rest, ok = k.b.take(rest)
	}
	if ok {
		c, rest, ok = k.c.take(rest)
	}
	if ok {
		d, rest, ok = k.d.take(rest)
	}
	return a, b, c, d, ok && len(rest) == 0
}

// Key5 is a kind whose keys have five parts.
type Key5[A, B, C, D, E any] struct {
	Key4[A, B, C, D]
	e part[E]
}

func key5[A, B, C, D, E any](tag, name string, a part[A], b part[B], c part[C], d part[D], e part[E], value string) Key5[A, B, C, D, E] {
	return Key5[A, B, C, D, E]{Key4[A, B, C, D]{declare(tag, name, value, a.String(), b.String(), c.String(), d.String(), e.String()), a, b, c, d}, e}
}

// Key is the key of a to e.
func (k Key5[A, B, C, D, E]) Key(ks Keyspace, a A, b B, c C, d D, e E) []byte {
	return k.Append(make([]byte, 0, 64), ks, a, b, c, d, e)
}

// Append appends the key of a to e to dst.
func (k Key5[A, B, C, D, E]) Append(dst []byte, ks Keyspace, a A, b B, c C, d D, e E) []byte {
	return k.e.append(k.Key4.Append(dst, ks, a, b, c, d), e)
}

// Of4 is what all keys of a to d begin with.
func (k Key5[A, B, C, D, E]) Of4(ks Keyspace, a A, b B, c C, d D) []byte {
	return k.Key4.Key(ks, a, b, c, d)
}

// Parse takes a key apart; false if it is not of the kind.
func (k Key5[A, B, C, D, E]) Parse(key []byte) (a A, b B, c C, d D, e E, ok bool) {
	rest := key
	if len(key) < k.e.size {
		return a, b, c, d, e, false
	}
	rest = key[len(key)-k.e.size:]
	a, b, c, d, ok = k.Key4.Parse(key[:len(key)-k.e.size])
	if ok {
		e, _, ok = k.e.take(rest)
	}
	return a, b, c, d, e, ok
}

// Split takes a key of a space apart without knowing its kind: the tag of the
// kind, and what follows it. False if no kind is declared that it is of.
func Split(key []byte) (ks Keyspace, tag string, rest []byte, ok bool) {
	if ks, ok = KeyspaceOf(key); !ok {
		return ks, "", nil, false
	}
	for _, k := range table {
		if rest, ok := k.behind(key); ok {
			return ks, k.tag, rest, true
		}
	}
	return ks, "", nil, false
}
