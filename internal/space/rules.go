package space

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// rulesRecord is the rules at work, as they are stored.
type rulesRecord struct {
	Version uint64         `json:"version"`
	Rules   identity.Rules `json:"rules"`
	SetAt   int64          `json:"set_at"`
	SetBy   string         `json:"set_by"`
	SetFor  string         `json:"set_for,omitempty"` // the person, as the client said
	Why     string         `json:"why,omitempty"`
	// Overrides counts the changes of overrides, so that every commit that
	// requires this record relies on them as well.
	Overrides uint64 `json:"overrides,omitempty"`
	// Definitions is the revision of the definitions of traits and audiences, on which
	// every commit relies in the same way.
	Definitions uint64 `json:"definitions,omitempty"`
	// Applying means that what was there before is not resolved again yet.
	Applying bool `json:"applying,omitempty"`
	// Cause is what is applied, where that is not a version of the rules:
	// "override: ID".
	Cause string `json:"cause,omitempty"`
	// Rekey is the version that looks for IDs in other places than the one before
	// it, while the events that were there then are not all under the strands of
	// the rules at work; 0 when they are.
	Rekey uint64 `json:"rekey,omitempty"`
	// Reorder says that the order changed with that version, so that which of two
	// traits of one time is the newer one is to be found out again.
	Reorder bool `json:"reorder,omitempty"`
}

// recoverRules takes the rules from the configuration or the store, and
// resolves again what is there when they changed.
func (s *Space) recoverRules(ctx context.Context, r kv.Reader) error {
	got, err := r.Get(ctx, codec.Rules.Key(s.keys))
	if err != nil {
		return err
	}
	known := got[0] != nil
	rec, err := decodeRules(got[0])
	if err != nil {
		return err
	}
	rs, err := identity.Compile(rec.Rules)
	if err != nil {
		return fmt.Errorf("the stored rules: %w", err)
	}
	if err := s.loadOverrides(ctx, r, rec.Overrides); err != nil {
		return err
	}
	if err := s.loadDefinitions(ctx, r, rec.Definitions); err != nil {
		return err
	}
	s.adopt(rs, rec, got[0])
	if s.cfg.Rules != nil && (!known || !sameRules(rec.Rules, *s.cfg.Rules)) {
		return s.setRules(audit.With(ctx, audit.Actor{By: "config"}), *s.cfg.Rules, nil)
	}
	return nil
}

// decodeRules reads what is stored; nil is the built-in rules. ErrNotFound if the
// space was deleted.
func decodeRules(b []byte) (rulesRecord, error) {
	switch {
	case b == nil:
		return rulesRecord{SetBy: "built-in"}, nil
	case string(b) == codec.ErasedRules:
		return rulesRecord{}, fmt.Errorf("the space was deleted: %w", ErrNotFound)
	}
	var rec rulesRecord
	if err := json.Unmarshal(b, &rec); err != nil {
		return rec, fmt.Errorf("%w: the rules cannot be read: %w", kv.ErrCorrupt, err)
	}
	return rec, nil
}

// adopt works by rules from now on. stored is their record. The caller holds the writer's
// lock, or opens the space.
func (s *Space) adopt(rs *identity.Ruleset, rec rulesRecord, stored []byte) {
	s.rules.Store(rs)
	s.version.Store(rec.public())
	s.ruleBytes = stored
	s.cache.forget()
	s.pairs.forget() // rules that look elsewhere may take pairs away
	if s.adopted != nil {
		close(s.adopted)
		s.adopted = nil
	}
	if rec.Applying && s.store.Exclusive() {
		s.wakeApply() // on a shared store it is for the owner of the job's lease
	}
	if s.tasks.job != nil { // else the space is being opened
		s.tasks.job.Wake()
		s.followers.wake()
	}
}

// sameRules compares what rules mean, not how they are written.
func sameRules(a, b identity.Rules) bool {
	ra, err := identity.Compile(a)
	if err != nil {
		return false
	}
	rb, err := identity.Compile(b)
	return err == nil && reflect.DeepEqual(ra.Effective(), rb.Effective())
}

// SamePlaces reports whether two sets of rules promote the same IDs from every
// message.
func SamePlaces(a, b identity.Rules) bool {
	keys := func(r identity.Rules) map[string]string {
		m := map[string]string{}
		for _, i := range r.Identifiers {
			if i.Key != "" {
				m[i.Type] = i.Key
			}
		}
		return m
	}
	alias := func(r identity.Rules) string {
		if r.Alias == "" {
			return "ignore"
		}
		return r.Alias
	}
	return alias(a) == alias(b) && reflect.DeepEqual(keys(a), keys(b)) && slices.Equal(a.Exclude, b.Exclude)
}

// Rules reads the rules at work.
func (s *Space) Rules(ctx context.Context) (RulesVersion, error) {
	v := *s.version.Load()
	if v.Applying {
		v.Progress = s.apply.progress.Load()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for t := range s.types {
		if s.rules.Load().Unlisted(t) {
			v.NewTypes = append(v.NewTypes, t)
		}
	}
	slices.Sort(v.NewTypes)
	return v, nil
}

// SetRules makes rules the rules at work. From now on events are decided by
// them; what is there is resolved again in the background while events keep
// coming, which AwaitRules waits for. The mistakes of Compile come through as
// they are; ErrChanged if only is not nil and another version than that is at
// work. Who did it and why is in the context, see package audit.
func (s *Space) SetRules(ctx context.Context, r identity.Rules, only *uint64) error {
	s.ruling.Lock()
	defer s.ruling.Unlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	s.announceRules(ctx)
	return s.Again(ctx, func() error { return s.trySetRules(ctx, r, only) })
}

func (s *Space) trySetRules(ctx context.Context, r identity.Rules, only *uint64) error {
	snap, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	if err := s.followRules(ctx, snap); err != nil {
		return err
	}
	return s.setRules(ctx, r, only)
}

// setRules must be called while no commit is under way.
func (s *Space) setRules(ctx context.Context, r identity.Rules, only *uint64) error {
	rs, err := identity.Compile(r)
	if err != nil {
		return err
	}
	was := s.version.Load()
	if only != nil && *only != was.Version {
		return fmt.Errorf("%w: version %d of the rules is in force, not %d", ErrChanged, was.Version, *only)
	}
	ctx = context.WithoutCancel(ctx) // what was begun is brought to its end
	empty, err := s.empty(ctx)
	if err != nil {
		return err
	}
	who := audit.New(ctx, s.cfg.Now().UnixNano(), "rules.set", fmt.Sprintf("version %d", was.Version+1), nil)
	rec := rulesRecord{
		Version: was.Version + 1, Rules: r, SetAt: who.Time, SetBy: who.By, SetFor: who.For, Why: who.Why,
		Overrides: s.overrides.Load().Revision, Definitions: s.definitions.Load().Revision, Applying: !empty,
	}
	if !empty {
		now, err := decodeRules(s.ruleBytes)
		if err != nil {
			return err
		}
		rec.Rekey, rec.Reorder = now.Rekey, now.Reorder
		reorder := s.rules.Load().Arrival() != rs.Arrival()
		if reorder || !SamePlaces(was.Rules, r) {
			rec.Rekey, rec.Reorder = rec.Version, rec.Reorder || reorder
		}
	}
	stored, err := s.putRules(ctx, rec, &who)
	if err != nil {
		return err
	}
	s.adopt(rs, rec, stored)
	return nil
}

// empty reports whether the space has no strand, whichever node it came from.
func (s *Space) empty(ctx context.Context) (bool, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	defer r.Close()
	from, end := codec.Strands.All(s.keys)
	page, err := r.Scan(ctx, from, end, 1, false)
	return len(page) == 0, err
}

// putRules stores a version of the rules over the one that is at work here, and
// keeps it for ever under its number if who says that it is new. Of two nodes
// that set rules at once one gets ErrConflict. kv.ErrUnknown is returned only if the
// store does not say in time what it holds.
func (s *Space) putRules(ctx context.Context, rec rulesRecord, who *audit.Entry) ([]byte, error) {
	b, err := json.Marshal(rec)
	if err != nil {
		return nil, err
	}
	var batch kv.Batch
	batch.Require(codec.Rules.Key(s.keys), s.ruleBytes)
	batch.Put(codec.Rules.Key(s.keys), b)
	if who != nil {
		if err := s.keepVersion(&batch, rec); err != nil {
			return nil, err
		}
		if err := s.putAudit(&batch, *who); err != nil {
			return nil, err
		}
	}
	err = s.store.Commit(ctx, &batch)
	if errors.Is(err, kv.ErrUnknown) {
		err = s.resolveRules(ctx, &batch, b, rec, who != nil)
	}
	return b, err
}

// resolveRules learns the fate of a commit of rules whose outcome is unknown, from the
// row that is stored. What was not written is tried again: it requires the rules before
// it. With version, rec is a new version, which another node may have applied by now.
func (s *Space) resolveRules(ctx context.Context, batch *kv.Batch, put []byte, rec rulesRecord, version bool) error {
	err := kv.ErrUnknown
	for try := range commitTries {
		select {
		case <-time.After(20 * time.Millisecond << min(try, 6)):
		case <-ctx.Done():
			return err
		}
		r, rerr := s.store.Snapshot(ctx)
		if rerr != nil {
			continue
		}
		now, stored, rerr := s.storedRules(ctx, r)
		r.Close()
		switch {
		case errors.Is(rerr, ErrNotFound):
			return rerr
		case rerr != nil:
			continue
		case bytes.Equal(stored, put):
			return nil
		case bytes.Equal(stored, s.ruleBytes):
			// it was not written
		case version && now.Version == rec.Version && now.SetAt == rec.SetAt && now.SetBy == rec.SetBy:
			return nil
		default:
			return kv.ErrConflict // another node's
		}
		if err = s.store.Commit(ctx, batch); !errors.Is(err, kv.ErrUnknown) && !errors.Is(err, kv.ErrConflict) {
			return err
		}
	}
	return err
}
