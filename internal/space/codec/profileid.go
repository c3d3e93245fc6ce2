package codec

import (
	"encoding/binary"
	"io"
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
	prefix := "use_"
	if c == identity.Accounts {
		prefix = "acc_"
	}
	return prefix + ksuid.KSUID(p).String()
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
