package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// FormerKey is a write key that another one has replaced.
type FormerKey struct {
	Prefix    string     `json:"write_key_prefix"`
	CreatedAt time.Time  `json:"created_at"`
	RotatedAt time.Time  `json:"rotated_at"` // when it was replaced
	Until     *time.Time `json:"until"`      // it is taken until then
}

// formerKey is a former key as it is stored.
type formerKey struct {
	FormerKey
	Secret   digest `json:"secret"`
	Declared bool   `json:"declared,omitempty"` // it stands in the configuration file
}

const (
	// mostFormer is how many former keys of a source are remembered.
	mostFormer = 10
	// MostGrace is how long a former key may be taken at most.
	MostGrace = 2 * 365 * 24 * time.Hour
)

// How a declared source does what the API does with others.
const (
	rotateInFile = "; put the new key into its write_key, and the old one into former_keys with the time until which apps may send with it: former_keys: [{write_key: OLD, until: 2027-01-31}]"
	retireInFile = "; take the old keys out of its former_keys"
)

// RotateKey gives a source a new write key. The old one is taken for the time of
// grace, 0 to MostGrace: apps that are installed go on sending. ErrInvalid if the
// grace is out of range or ten old keys are still taken.
func (c *Catalog) RotateKey(ctx context.Context, space, id string, grace time.Duration) (src Source, key string, err error) {
	if grace < 0 || grace > MostGrace {
		return Source{}, "", fmt.Errorf("%w: the grace of %s; choose 0 to %d days", ErrInvalid, grace, int(MostGrace.Hours()/24))
	}
	key = newSecret("wk_")
	now := c.stamp()
	err = c.changeSource(ctx, space, id, rotateInFile, func(ch *changer, r *sourceRecord) error {
		until := now.Add(grace)
		old := formerKey{FormerKey: FormerKey{r.KeyPrefix, r.KeyCreatedAt, now, &until}, Secret: r.Secret}
		r.Former = append([]formerKey{old}, r.Former...)
		if n := len(r.Former); n > mostFormer {
			if last := r.Former[n-1]; last.Until.After(now) {
				return fmt.Errorf("%w: source %q has %d old keys that are still taken; end one of them first (selfsame source retire %s)", ErrInvalid, id, mostFormer, id)
			}
			r.Former = r.Former[:mostFormer]
		}
		r.Secret, r.KeyPrefix, r.KeyCreatedAt = digestOf(key), prefixOf(key), now
		src = r.public()
		ch.putSource(*r)
		return nil
	})
	if err != nil {
		return Source{}, "", err
	}
	return src, key, nil
}

// RetireKeys ends the grace of a source's former keys: they are refused from now
// on.
func (c *Catalog) RetireKeys(ctx context.Context, space, id string) (src Source, err error) {
	now := c.stamp()
	err = c.changeSource(ctx, space, id, retireInFile, func(ch *changer, r *sourceRecord) error {
		r.Former = slices.Clone(r.Former)
		for i := range r.Former {
			if f := &r.Former[i]; f.Until.After(now) {
				f.Until = &now
			}
		}
		src = r.public()
		ch.putSource(*r)
		return nil
	})
	return src, err
}

// keyEntry is what a write key leads to.
type keyEntry struct {
	source *Source
	until  time.Time // zero: for good
}

// sourceOf finds the source of a write key at a time; nil if there is none.
func (s *state) sourceOf(d digest, now func() time.Time) *Source {
	e, ok := s.byWriteKey[d]
	if !ok || !e.until.IsZero() && !now().Before(e.until) {
		return nil
	}
	return e.source
}

// retired finds the source that a key belonged to.
func (s *state) retired(key string) (*sourceRecord, *formerKey) {
	if key == "" {
		return nil, nil
	}
	e, ok := s.byWriteKey[digestOf(key)]
	if !ok || e.until.IsZero() {
		return nil, nil
	}
	for _, r := range s.sources {
		for i := range r.Former {
			if f := &r.Former[i]; f.Secret.equal(digestOf(key)) {
				return r, f
			}
		}
	}
	return nil, nil
}
