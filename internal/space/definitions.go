package space

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Definitions are the definitions of computed traits and audiences at work, as far as
// a commit has to know them: what they take from events. Every commit relies on their
// revision, as it does on that of the rules, so that no event is stored without its
// rows. It is never changed.
type Definitions struct {
	Revision  uint64    // counts changes; 0: there were never any
	Stored    []byte    // the version as it is stored, see package space/computed
	Extractor Extractor // nil: nothing is taken from events
}

// Extractor takes out of events what definitions need of them. It is used by many
// goroutines at once.
type Extractor interface {
	// Extract adds the rows of an event to to. They have no arrival number yet.
	Extract(m *event.Message, source string, to *compute.Taken)
}

// ErrDefinitionsMoved: other definitions are in force than those that a change was
// made for.
var ErrDefinitionsMoved = errors.New("other definitions were set meanwhile")

// Definitions returns those at work on this node.
func (s *Space) Definitions() *Definitions { return s.definitions.Load() }

// loadDefinitions makes the definitions of a revision the ones at work.
func (s *Space) loadDefinitions(ctx context.Context, r kv.Reader, revision uint64) error {
	if s.definitions.Load().Revision == revision {
		return nil
	}
	d, err := s.readDefinitions(ctx, r, revision)
	if err == nil {
		s.definitions.Store(d)
	}
	return err
}

func (s *Space) readDefinitions(ctx context.Context, r kv.Reader, revision uint64) (*Definitions, error) {
	if revision == 0 {
		return &Definitions{}, nil
	}
	got, err := r.Get(ctx, codec.DefinitionVersions.Key(s.keys, revision))
	if err != nil {
		return nil, err
	}
	if got[0] == nil {
		return nil, fmt.Errorf("%w: revision %d of the definitions is missing", kv.ErrCorrupt, revision)
	}
	return s.compileDefinitions(revision, got[0])
}

func (s *Space) compileDefinitions(revision uint64, stored []byte) (*Definitions, error) {
	d := &Definitions{Revision: revision, Stored: stored}
	if s.cfg.Compile == nil {
		return nil, errors.New("the space has definitions of traits and audiences, and nothing here can compile them")
	}
	var err error
	if d.Extractor, err = s.cfg.Compile(stored); err != nil {
		return nil, fmt.Errorf("the stored definitions, revision %d: %w", revision, err)
	}
	return d, nil
}

// DefinitionsAt returns the definitions in force in a snapshot.
func (s *Space) DefinitionsAt(ctx context.Context, r kv.Reader) (*Definitions, error) {
	rec, _, err := s.storedRules(ctx, r)
	if err != nil {
		return nil, err
	}
	if d := s.definitions.Load(); d.Revision == rec.Definitions {
		return d, nil
	}
	return s.readDefinitions(ctx, r, rec.Definitions)
}

// SetDefinitions puts a revision of the definitions in force, the one after that
// which next is given; next says what is stored of it, and what the audit trail
// tells. From the commit on that this makes, every event is stored together with its
// rows. Errors of next and of Config.Compile come through as they are.
func (s *Space) SetDefinitions(ctx context.Context, next func(now *Definitions) (stored []byte, detail any, err error)) (*Definitions, error) {
	s.ruling.Lock()
	defer s.ruling.Unlock()
	s.writing.Lock()
	defer s.writing.Unlock()
	s.announceRules(ctx)
	err := s.Again(ctx, func() error { return s.trySetDefinitions(ctx, next) })
	return s.definitions.Load(), err
}

func (s *Space) trySetDefinitions(ctx context.Context, next func(*Definitions) ([]byte, any, error)) error {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := s.followRules(ctx, r); err != nil {
		return err
	}
	stored, detail, err := next(s.definitions.Load())
	if err != nil {
		return err
	}
	rec, err := decodeRules(s.ruleBytes)
	if err != nil {
		return err
	}
	rec.Definitions++
	d, err := s.compileDefinitions(rec.Definitions, stored)
	if err != nil {
		return err
	}
	rules, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	var b kv.Batch
	b.Require(codec.Rules.Key(s.keys), s.ruleBytes)
	b.Put(codec.Rules.Key(s.keys), rules)
	b.Put(codec.DefinitionVersions.Key(s.keys, d.Revision), stored)
	who := audit.New(ctx, s.cfg.Now().UnixNano(), "definitions.set", fmt.Sprintf("revision %d", d.Revision), detail)
	if err := s.putAudit(&b, who); err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // what was begun is brought to its end
	err = s.store.Commit(ctx, &b)
	if errors.Is(err, kv.ErrUnknown) {
		err = s.resolveDefinitions(ctx, &b, d)
	}
	if err != nil {
		return err
	}
	s.definitions.Store(d)
	s.adopt(s.rules.Load(), rec, rules)
	return nil
}

// resolveDefinitions learns the fate of a commit of definitions whose outcome is
// unknown. What was not written is tried again: it requires the rules before it.
func (s *Space) resolveDefinitions(ctx context.Context, b *kv.Batch, d *Definitions) error {
	err := error(kv.ErrUnknown)
	for try := range commitTries {
		time.Sleep(20 * time.Millisecond << min(try, 6))
		r, rerr := s.store.Snapshot(ctx)
		if rerr != nil {
			continue
		}
		got, rerr := r.Get(ctx, codec.DefinitionVersions.Key(s.keys, d.Revision))
		r.Close()
		switch {
		case rerr != nil:
			continue
		case bytes.Equal(got[0], d.Stored):
			return nil
		case got[0] != nil:
			return kv.ErrConflict // another node's
		}
		if err = s.store.Commit(ctx, b); !errors.Is(err, kv.ErrUnknown) {
			return err
		}
	}
	return err
}
