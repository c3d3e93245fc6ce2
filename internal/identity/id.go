package identity

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"

	"github.com/dchest/siphash"
)

// Collection separates users from accounts; they are resolved apart.
type Collection uint8

// The collections.
const (
	Users    Collection = 1
	Accounts Collection = 2
)

func (c Collection) String() string {
	switch c {
	case Users:
		return "users"
	case Accounts:
		return "accounts"
	}
	return "unknown"
}

// ParseCollection reads "users" or "accounts".
func ParseCollection(s string) (Collection, bool) {
	switch s {
	case "users":
		return Users, true
	case "accounts":
		return Accounts, true
	}
	return 0, false
}

// ID is an external ID: a type such as "user_id" and a value. Its collection is
// known from where it stands.
type ID struct {
	Type, Value string
}

// String gives type:value, as people write it.
func (id ID) String() string { return id.Type + ":" + id.Value }

// Compare orders IDs by type and value. This is the canonical order of the IDs
// of a strand; it has nothing to do with priority.
func (id ID) Compare(other ID) int {
	if c := cmp.Compare(id.Type, other.Type); c != 0 {
		return c
	}
	return cmp.Compare(id.Value, other.Value)
}

// Hash is a keyed 128-bit hash: of a strand's set of IDs, or of one ID.
type Hash [16]byte

// String gives the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Hasher makes the hashes of one space. Its secret is drawn once per store, so
// that nobody outside can construct two sets of IDs with one hash
// (SipHash-2-4 with 128-bit output, Aumasson and Bernstein 2012).
type Hasher struct {
	space  string
	k0, k1 uint64
}

// NewHasher returns the hasher of a space under a 16-byte secret.
func NewHasher(secret [16]byte, space string) Hasher {
	return Hasher{space, binary.LittleEndian.Uint64(secret[:8]), binary.LittleEndian.Uint64(secret[8:])}
}

// ID hashes one ID of a collection.
func (h Hasher) ID(c Collection, id ID) Hash {
	return h.sum('i', c, id)
}

// Strand hashes a set of distinct IDs in canonical order. Blocked values belong
// to the set, so no rule about values, limits or priorities changes the hash.
func (h Hasher) Strand(c Collection, ids []ID) Hash {
	return h.sum('s', c, ids...)
}

func (h Hasher) sum(kind byte, c Collection, ids ...ID) Hash {
	var buf [256]byte
	b := append(buf[:0], kind, byte(c))
	b = binary.AppendUvarint(b, uint64(len(h.space)))
	b = append(b, h.space...)
	for _, id := range ids {
		b = binary.AppendUvarint(b, uint64(len(id.Type)))
		b = append(b, id.Type...)
		b = binary.AppendUvarint(b, uint64(len(id.Value)))
		b = append(b, id.Value...)
	}
	lo, hi := siphash.Hash128(h.k0, h.k1, b)
	var out Hash
	binary.LittleEndian.PutUint64(out[:8], lo)
	binary.LittleEndian.PutUint64(out[8:], hi)
	return out
}
