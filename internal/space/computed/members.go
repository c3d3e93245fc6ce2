package computed

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Status says how far a definition is, and of an audience how many are in it.
type Status struct {
	Key         string
	Number      uint32 // never given to another definition
	Audience    bool
	Name        string // for people, as is Description
	Description string
	Collection  identity.Collection
	Disabled    bool
	// Complete says that it is computed over all of history. Until then nothing is told
	// of it, and Members counts those who were found so far.
	Complete bool
	Members  int64 // of an audience
	// Problems are why something did not count.
	Problems []Problem
	// AsOf is the time up to which what was stored is counted, in nanoseconds since
	// 1970.
	AsOf int64
}

// Progress is how far definitions are computed over history. Done and Total count
// events while Stage is "rows", and profiles while it is "values".
type Progress struct {
	Stage       string
	Done, Total int64
	Since       int64 // when it began, nanoseconds since 1970
}

// Overview is the definitions in force.
type Overview struct {
	Revision    uint64
	Definitions []Status  // by key
	Progress    *Progress // nil: nothing is being computed over history
	Declared    bool      // they come from the configuration
	Behind      Behind
}

// DefinitionsStatus lists the definitions in force and how far they are.
func (c *Computed) DefinitionsStatus(ctx context.Context) (Overview, error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return Overview{}, err
	}
	defer v.Close()
	defs, pos, err := c.read(v)
	if err != nil {
		return Overview{}, err
	}
	out := Overview{Revision: defs.Revision, Declared: c.cfg.Declared}
	if j := pos.Job; j != nil {
		out.Progress = &Progress{Stage: "rows", Done: j.Done, Total: j.Total, Since: j.Since}
		if j.Values {
			out.Progress.Stage = "values"
		}
	}
	compiled := compiledOf(defs)
	if compiled == nil {
		return out, nil
	}
	asOf := c.asOf(v, pos)
	for _, key := range compiled.keys() {
		out.Definitions = append(out.Definitions, compiled.status(compiled.byKey[key], pos, asOf))
	}
	out.Behind, err = c.behind(v, pos)
	return out, err
}

// read reads what is in force in a view, and how far the evaluator is.
func (c *Computed) read(v *space.View) (*space.Definitions, *position, error) {
	defs, err := c.space.DefinitionsAt(v.Context(), v.Reader())
	if err != nil {
		return nil, nil, err
	}
	pos, err := readPosition(v.Context(), v.Reader(), v.Keys())
	return defs, pos, err
}

// asOf is the time up to which the evaluator has seen what is stored: now, if that is
// all of it.
func (c *Computed) asOf(v *space.View, pos *position) int64 {
	if seen := c.evaluator.seen.Load(); seen != nil {
		if end, err := feed.End(v.Context(), v.Reader(), v.Keys()); err == nil && maps.Equal(*seen, end) {
			return v.Now().UnixNano()
		}
	}
	return pos.Time
}

func (c *Compiled) status(d *definition, pos *position, asOf int64) Status {
	return Status{
		Key: d.key, Number: d.number, Audience: d.audience, Name: d.name, Description: d.description, Collection: d.collection, Disabled: d.disabled,
		Complete: !d.disabled && pos.Complete[d.number] == d.meaning, Members: pos.Sizes[d.number], AsOf: asOf, Problems: c.problems(d, pos),
	}
}

// Member is a profile in an audience.
type Member struct {
	Profile string
	Since   int64 // the event time that made it so, nanoseconds since 1970
}

// MemberPage is a page of the members of an audience, by profile; Next is "" on the
// last.
type MemberPage struct {
	Status
	Members []Member
	Next    string
}

// AudienceMembers lists the members of an audience, limit of them (1 to 1000), as of the
// evaluator's position. space.ErrNotFound if there is no audience of that key,
// space.ErrBadCursor if next is not one of ours.
func (c *Computed) AudienceMembers(ctx context.Context, key string, limit int, next string) (MemberPage, error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return MemberPage{}, err
	}
	defer v.Close()
	defs, pos, err := c.read(v)
	if err != nil {
		return MemberPage{}, err
	}
	compiled := compiledOf(defs)
	if compiled == nil || compiled.byKey[key] == nil || !compiled.byKey[key].audience {
		return MemberPage{}, fmt.Errorf("the audience %q: %w", key, space.ErrNotFound)
	}
	d := compiled.byKey[key]
	page := MemberPage{Status: compiled.status(d, pos, c.asOf(v, pos))}
	from, end := codec.Under(codec.Members.Of(v.Keys(), d.number))
	if next != "" {
		var p codec.ProfileID
		if b, err := base64.RawURLEncoding.DecodeString(next); err != nil || len(b) != copy(p[:], b) || len(b) != len(p) {
			return MemberPage{}, space.ErrBadCursor
		}
		from = kv.After(codec.Members.Key(v.Keys(), d.number, p))
	}
	limit = min(max(limit, 1), 1000)
	entries, err := v.Reader().Scan(ctx, from, end, limit+1, false)
	if err != nil {
		return MemberPage{}, err
	}
	for i, e := range entries {
		_, p, ok := codec.Members.Parse(e.Key)
		if !ok || len(e.Value) != 8 {
			return MemberPage{}, fmt.Errorf("%w: a member of the audience %s", kv.ErrCorrupt, key)
		}
		if i == limit {
			_, last, _ := codec.Members.Parse(entries[i-1].Key)
			page.Next = base64.RawURLEncoding.EncodeToString(last[:])
			break
		}
		page.Members = append(page.Members, Member{Profile: p.Text(d.collection), Since: codec.ParseTime(e.Value)})
	}
	return page, nil
}
