package codec

import (
	"encoding/binary"
	"io"
	"math/bits"
	"strings"
	"time"

	"github.com/segmentio/ksuid"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// profileID is the KSUID of a profile. The older of two is the smaller: the
// first four bytes of the payload are the fraction of the second.
type ProfileID [20]byte

func NewProfileID(now time.Time, random io.Reader) (ProfileID, error) {
	var payload [16]byte
	binary.BigEndian.PutUint32(payload[:4], uint32(uint64(now.Nanosecond())*(1<<32)/1e9))
	if _, err := io.ReadFull(random, payload[4:]); err != nil {
		return ProfileID{}, err
	}
	k, err := ksuid.FromParts(now, payload[:])
	return ProfileID(k), err
}

func (p ProfileID) IsZero() bool { return p == ProfileID{} }

func (p ProfileID) Less(q ProfileID) bool { return string(p[:]) < string(q[:]) }

// text is the ID as customers see it: use_… or acc_….
func (p ProfileID) Text(c identity.Collection) string {
	text := [4 + ksuidDigits]byte{'u', 's', 'e', '_'}
	if c == identity.Accounts {
		copy(text[:], "acc_")
	}
	p.digits((*[ksuidDigits]byte)(text[4:]))
	return string(text[:])
}

const (
	base62      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	ksuidDigits = 27
)

// digits writes the ID as ksuid.KSUID.String does, several times as fast: every commit
// names the profiles that it changes.
func (p ProfileID) digits(to *[ksuidDigits]byte) {
	const tenDigits = 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62 * 62 // more than the 32 bits in front
	part := func(n uint64, from, end int) {
		for end--; end >= from; end-- {
			to[end] = base62[n%62]
			n /= 62
		}
	}
	high, rest := bits.Div64(uint64(binary.BigEndian.Uint32(p[:])), binary.BigEndian.Uint64(p[4:]), tenDigits)
	low, last := bits.Div64(rest, binary.BigEndian.Uint64(p[12:]), tenDigits)
	first, middle := bits.Div64(high, low, tenDigits)
	part(last, 17, 27)
	part(middle, 7, 17)
	part(first, 0, 7)
}

// parseProfileID reads use_… and acc_….
func ParseProfileID(s string) (ProfileID, identity.Collection, bool) {
	c := identity.Users
	rest, ok := strings.CutPrefix(s, "use_")
	if !ok {
		c = identity.Accounts
		if rest, ok = strings.CutPrefix(s, "acc_"); !ok {
			return ProfileID{}, 0, false
		}
	}
	k, err := ksuid.Parse(rest)
	return ProfileID(k), c, err == nil
}
