package computed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/space"
)

// ErrDeclared: the definitions are declared in the configuration, and can only be
// changed there.
var ErrDeclared = errors.New("the definitions of this space are declared in the configuration; change them there")

// Diff is what applying a document changes. The lists are of keys, sorted.
type Diff struct {
	Revision  uint64 // in force after it; before it is applied, the one that it would get
	Added     []string
	Changed   []string // they mean something else, and are computed over history again
	Described []string // only their names or descriptions
	Disabled  []string
	Enabled   []string // they catch up with what came meanwhile
	Removed   []string // with their values and members; their keys are never used again
	Unchanged int
}

// Empty reports whether nothing changes.
func (d *Diff) Empty() bool {
	return len(d.Added)+len(d.Changed)+len(d.Described)+len(d.Disabled)+len(d.Enabled)+len(d.Removed) == 0
}

// PreviewDefinitions says what applying a document would change. Mistakes in it are
// compute.Mistakes, see compute.ErrInvalid.
func (c *Computed) PreviewDefinitions(ctx context.Context, document []byte) (Diff, error) {
	now, err := c.inForce(ctx)
	if err != nil {
		return Diff{}, err
	}
	_, diff, err := c.next(now, document, c.knownTraits(ctx))
	return diff, err
}

// ApplyDefinitions puts a document in force as the whole of the definitions, if it changes
// anything. With only, it does so if that revision is in force, else it is
// space.ErrChanged. Who applies it and why is in the context, see package audit.
// Mistakes are compute.Mistakes; ErrDeclared.
func (c *Computed) ApplyDefinitions(ctx context.Context, document []byte, only *uint64) (Diff, error) {
	if c.cfg.Declared {
		return Diff{}, ErrDeclared
	}
	return c.apply(ctx, document, only, c.knownTraits(ctx))
}

// ApplyDeclared puts a document of the configuration in force, as ApplyDefinitions does, but
// for names of traits that no event has set: they refuse no start.
func (c *Computed) ApplyDeclared(ctx context.Context, document []byte) error {
	_, err := c.apply(ctx, document, nil, nil)
	return err
}

// errSame: the document changes nothing.
var errSame = errors.New("nothing changes")

func (c *Computed) apply(ctx context.Context, document []byte, only *uint64, known knownTraits) (diff Diff, err error) {
	_, err = c.space.SetDefinitions(ctx, func(now *space.Definitions) ([]byte, any, error) {
		if only != nil && *only != now.Revision {
			return nil, nil, fmt.Errorf("%w: revision %d of the definitions is in force, not %d", space.ErrChanged, now.Revision, *only)
		}
		next, d, err := c.next(now, document, known)
		if err != nil {
			return nil, nil, err
		}
		if diff = d; diff.Empty() && now.Revision > 0 {
			return nil, nil, errSame
		}
		who := audit.New(ctx, c.now().UnixNano(), "", "", nil)
		next.SetAt, next.SetBy, next.SetFor, next.Why = who.Time, who.By, who.For, who.Why
		stored, err := json.Marshal(next)
		return stored, diff, err
	})
	if errors.Is(err, errSame) {
		diff.Revision = c.space.Definitions().Revision
		return diff, nil
	}
	if err == nil {
		c.wake()
	}
	return diff, err
}

// next makes the version after the one in force out of a document.
func (c *Computed) next(now *space.Definitions, document []byte, known knownTraits) (Version, Diff, error) {
	old := compiledOf(now)
	next := Version{Revision: now.Revision + 1, Numbers: map[string]uint32{}}
	if old == nil {
		old = &Compiled{Document: &compute.Document{}}
	} else {
		next.LastNumber, next.Deleted = old.Version.LastNumber, slices.Clone(old.Version.Deleted)
		next.Streams = old.streamsInUse()
	}
	doc, err := compute.Parse(document)
	if err != nil {
		return next, Diff{}, err
	}
	if document, err = compute.WithoutDestinations(document); err != nil {
		return next, Diff{}, err
	}
	next.Document = string(document)
	var wrong compute.Mistakes
	number := func(key string, audience bool, line int) {
		switch d := old.byKey[key]; {
		case d != nil && d.audience != audience:
			wrong = append(wrong, compute.Mistake{Line: line, Path: key, Reason: "this key is in use for a computed trait or an audience already; a key means one thing for ever, choose another"})
		case d != nil:
			next.Numbers[key] = d.number
		case slices.Contains(next.Deleted, key):
			wrong = append(wrong, compute.Mistake{Line: line, Path: key, Reason: "this key was in use for a definition that was deleted; keys are never used again, choose another"})
		default:
			next.LastNumber++
			next.Numbers[key] = next.LastNumber
		}
	}
	for i := range doc.Traits {
		number(doc.Traits[i].Key, false, doc.Traits[i].Line)
	}
	for i := range doc.Audiences {
		number(doc.Audiences[i].Key, true, doc.Audiences[i].Line)
	}
	if wrong != nil {
		return next, Diff{}, wrong
	}
	new, err := compile(next, known.names(old))
	if err != nil {
		return next, Diff{}, err
	}
	next.Streams = new.Version.Streams
	diff := difference(old, new)
	next.Deleted = append(next.Deleted, diff.Removed...)
	slices.Sort(next.Deleted)
	diff.Revision = next.Revision
	return next, diff, nil
}

// difference compares two versions.
func difference(old, new *Compiled) (diff Diff) {
	for i := range new.definitions {
		d := &new.definitions[i]
		switch was := old.byKey[d.key]; {
		case was == nil:
			diff.Added = append(diff.Added, d.key)
		case d.disabled && !was.disabled:
			diff.Disabled = append(diff.Disabled, d.key)
		case was.disabled && !d.disabled:
			diff.Enabled = append(diff.Enabled, d.key)
		case was.meaning != d.meaning:
			diff.Changed = append(diff.Changed, d.key)
		case was.name != d.name, was.description != d.description:
			diff.Described = append(diff.Described, d.key)
		default:
			diff.Unchanged++
		}
	}
	for i := range old.definitions {
		if key := old.definitions[i].key; new.byKey[key] == nil {
			diff.Removed = append(diff.Removed, key)
		}
	}
	for _, list := range [...][]string{diff.Added, diff.Changed, diff.Described, diff.Disabled, diff.Enabled, diff.Removed} {
		slices.Sort(list)
	}
	return diff
}
