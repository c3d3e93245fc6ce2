package deliver

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Mailbook is what mails need to be remembered beyond the queue: who must not get any,
// and who got which.
type Mailbook interface {
	// Suppressed says why no mail goes to an address; nil: it may go.
	Suppressed(ctx context.Context, address string) (*Suppression, error)
	// Sent counts the different mails since a time that went to an address, and those
	// that went to any of the profiles.
	Sent(ctx context.Context, address string, profiles []string, since time.Time) (toAddress, toPerson int, err error)
	// Written reports whether the mail of a name went to the address, or to any of the
	// profiles, for the same entry into its audience, as another message. So it did where
	// a cut that was taken back made somebody leave and enter again.
	Written(ctx context.Context, m *Message, address string, profiles []string) (bool, error)
	// Intend writes durably that a mail is about to be sent to a person.
	Intend(ctx context.Context, m *Message, address, profile string) error
	// TakeBack takes back the intent of a mail that was certainly not sent.
	TakeBack(ctx context.Context, mail, address, profile string) error
	// Unsubscribe is the address of the page that unsubscribes; "": there is none,
	// because it is not known where people reach this server.
	Unsubscribe(address string) string
}

// Suppression is why no mail goes to an address.
type Suppression struct {
	Reason string `json:"reason"` // unsubscribed, bounced
	At     int64  `json:"at"`     // ns since 1970
	Detail string `json:"detail,omitempty"`
}

// The reasons of suppressions.
const (
	Unsubscribed = "unsubscribed"
	Bounced      = "bounced"
)

// mailbook is the Mailbook of one destination.
type mailbook struct {
	on     *Dispatcher
	number uint32
}

// addressHash is the hash by which an address is known: the local part exactly, since
// servers may tell its letters apart, would let one person be mailed in two ways, so
// both parts are folded.
func (s *Dispatcher) addressHash(address string) identity.Hash {
	return s.hash("address", strings.ToLower(strings.TrimSpace(address)))
}

// Suppressed implements Mailbook.
func (m *mailbook) Suppressed(ctx context.Context, address string) (*Suppression, error) {
	return m.on.suppressed(ctx, m.on.addressHash(address))
}

func (s *Dispatcher) suppressed(ctx context.Context, address identity.Hash) (*Suppression, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	v, err := r.Get(ctx, codec.Suppressed.Key(s.keys, address))
	if err != nil || v[0] == nil {
		return nil, err
	}
	out := &Suppression{}
	if err := json.Unmarshal(v[0], out); err != nil {
		return nil, kv.ErrCorrupt
	}
	return out, nil
}

// suppress lets no mail go to an address any more. What was said first stays, but that
// somebody unsubscribed counts more than that mail bounced. also is put into the same commit.
func (s *Dispatcher) suppress(ctx context.Context, address identity.Hash, why Suppression, also func(*kv.Batch) error) error {
	old, err := s.suppressed(ctx, address)
	if err != nil {
		return err
	}
	if old != nil && (old.Reason == Unsubscribed || old.Reason == why.Reason) {
		return nil
	}
	v, err := json.Marshal(why)
	if err != nil {
		return err
	}
	var b kv.Batch
	b.Put(codec.Suppressed.Key(s.keys, address), v)
	if err := also(&b); err != nil {
		return err
	}
	return s.store.Commit(ctx, &b)
}

// mostSent bounds the mails that are counted for one address or profile.
const mostSent = 1_000

// Sent implements Mailbook.
func (m *mailbook) Sent(ctx context.Context, address string, profiles []string, since time.Time) (toAddress, toPerson int, err error) {
	r, err := m.on.store.Snapshot(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	of := []identity.Hash{m.on.addressHash(address)}
	for _, p := range profiles {
		of = append(of, m.on.hash("profile", p))
	}
	var ranges []kv.Range
	for _, h := range of {
		_, to := codec.Under(codec.MailLog.Of2(m.on.keys, m.number, h))
		ranges = append(ranges, kv.Range{From: codec.MailLog.Key(m.on.keys, m.number, h, since.UnixNano()), To: to})
	}
	pages, err := r.Scans(ctx, ranges, mostSent, false)
	if err != nil {
		return 0, 0, err
	}
	mails := map[string]bool{}
	for i, page := range pages {
		for _, e := range page {
			if i == 0 {
				toAddress++
			}
			mails[string(e.Value)] = true
		}
	}
	return toAddress, len(mails), nil
}

// Written implements Mailbook.
func (m *mailbook) Written(ctx context.Context, of *Message, address string, profiles []string) (bool, error) {
	r, err := m.on.store.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	defer r.Close()
	hashes := []identity.Hash{m.on.addressHash(address)}
	for _, p := range profiles {
		hashes = append(hashes, m.on.hash("profile", p))
	}
	ranges := make([]kv.Range, len(hashes))
	for i, h := range hashes {
		from, to := codec.Under(codec.MailLog.Of2(m.on.keys, m.number, h))
		ranges[i] = kv.Range{From: from, To: to}
	}
	pages, err := r.Scans(ctx, ranges, mostSent, true)
	if err != nil {
		return false, err
	}
	id, entry := logged(of)
	for _, page := range pages {
		for _, e := range page {
			if other, same := strings.CutSuffix(string(e.Value), entry); same && other != id {
				return true, nil
			}
		}
	}
	return false, nil
}

// logged is what the log has of a mail, in two parts: its ID, and a space, its name and
// the time of the entry that it is about.
func logged(m *Message) (id, entry string) {
	name := m.Mail
	if name == "" {
		name = m.Key // a mail that is called as its audience is
	}
	return m.ID, " " + name + " " + strconv.FormatInt(m.At, 10)
}

// rows are the rows of the log that a mail has.
func (m *mailbook) rows(address, profile string, at int64) [][]byte {
	return [][]byte{
		codec.MailLog.Key(m.on.keys, m.number, m.on.addressHash(address), at),
		codec.MailLog.Key(m.on.keys, m.number, m.on.hash("profile", profile), at),
	}
}

// Intend implements Mailbook.
func (m *mailbook) Intend(ctx context.Context, of *Message, address, profile string) error {
	var b kv.Batch
	id, entry := logged(of)
	for _, key := range m.rows(address, profile, m.on.now().UnixNano()) {
		b.Put(key, []byte(id+entry))
	}
	return m.on.store.Commit(ctx, &b)
}

// TakeBack implements Mailbook.
func (m *mailbook) TakeBack(ctx context.Context, mail, address, profile string) error {
	r, err := m.on.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	var b kv.Batch
	for _, h := range []identity.Hash{m.on.addressHash(address), m.on.hash("profile", profile)} {
		from, to := codec.Under(codec.MailLog.Of2(m.on.keys, m.number, h))
		rows, err := r.Scan(ctx, from, to, mostSent, true)
		if err != nil {
			return err
		}
		for _, e := range rows {
			if id, _, _ := strings.Cut(string(e.Value), " "); id == mail {
				b.Delete(e.Key)
			}
		}
	}
	return m.on.store.Commit(ctx, &b)
}

// UnsubscribePath is where the page lies that unsubscribes: the token follows.
const UnsubscribePath = "/unsubscribe/"

// Unsubscribe implements Mailbook.
func (m *mailbook) Unsubscribe(address string) string {
	if m.on.publicURL == nil {
		return ""
	}
	url := strings.TrimRight(m.on.publicURL(), "/")
	if url == "" {
		return ""
	}
	return url + UnsubscribePath + m.on.unsubscribeToken(m.on.addressHash(address))
}

const macBytes = 16

// unsubscribeToken names an address by its hash and the space, and is signed. Nobody
// learns the address from it.
func (s *Dispatcher) unsubscribeToken(address identity.Hash) string {
	b := append([]byte{1}, s.keys[:]...)
	b = append(b, address[:]...)
	return base64.RawURLEncoding.EncodeToString(append(b, s.sign(b)...))
}

func (s *Dispatcher) sign(b []byte) []byte {
	m := hmac.New(sha256.New, s.secret)
	m.Write([]byte("unsubscribe"))
	m.Write(b)
	return m.Sum(nil)[:macBytes]
}

// ErrBadToken: a text is no token that a mail of ours had.
var ErrBadToken = errors.New("the link is not complete, or not one of ours")

// TokenSpace is the number of the space that a token of UnsubscribePath is of.
func TokenSpace(token string) (codec.Keyspace, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	ks := codec.Keyspace{}
	if err != nil || len(b) != 1+len(ks)+16+macBytes || b[0] != 1 {
		return ks, ErrBadToken
	}
	copy(ks[:], b[1:])
	return ks, nil
}

// Unsubscribe lets no mail of this space go any more to the address that a token is of.
// ErrBadToken.
func (s *Dispatcher) Unsubscribe(ctx context.Context, token string) error {
	address, err := s.readToken(token)
	if err != nil {
		return err
	}
	return s.suppress(ctx, address, Suppression{Reason: Unsubscribed, At: s.now().UnixNano()}, func(*kv.Batch) error { return nil })
}

// IsUnsubscribed reports whether the address that a token is of has unsubscribed.
func (s *Dispatcher) IsUnsubscribed(ctx context.Context, token string) (bool, error) {
	address, err := s.readToken(token)
	if err != nil {
		return false, err
	}
	old, err := s.suppressed(ctx, address)
	return old != nil && old.Reason == Unsubscribed, err
}

func (s *Dispatcher) readToken(token string) (address identity.Hash, err error) {
	ks, err := TokenSpace(token)
	if err != nil || ks != s.keys {
		return address, ErrBadToken
	}
	b, _ := base64.RawURLEncoding.DecodeString(token)
	signed, mac := b[:len(b)-macBytes], b[len(b)-macBytes:]
	if !hmac.Equal(mac, s.sign(signed)) {
		return address, ErrBadToken
	}
	copy(address[:], signed[1+len(ks):])
	return address, nil
}
