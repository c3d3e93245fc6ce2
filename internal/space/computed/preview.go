package computed

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// AudiencePreview is who would be in an audience.
type AudiencePreview struct {
	Key     string
	Members int64    // exact
	Sample  []string // profile IDs
	AsOf    int64    // the moment for which this holds, nanoseconds since 1970
}

// mostPreviewBytes bounds the memory of the rows that a preview takes out of history and
// keeps, because nothing that is in force takes them. Tests lower it.
var mostPreviewBytes = 256 << 20

// previewRowBytes is about what a row takes besides its value.
const previewRowBytes = 96

// PreviewAudience says who would be in an audience of a document that is not in force,
// as of now, with up to sample of them. It reads all profiles, and for events that no
// definition in force uses all of history. Mistakes are compute.Mistakes;
// space.ErrNotFound: the document has no such audience; space.ErrTooLarge.
func (c *Computed) PreviewAudience(ctx context.Context, document []byte, key string, sample int) (AudiencePreview, error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return AudiencePreview{}, err
	}
	defer v.Close()
	defs, pos, err := c.read(v)
	if err != nil {
		return AudiencePreview{}, err
	}
	version, _, err := c.next(defs, document, c.knownTraits(ctx))
	if err != nil {
		return AudiencePreview{}, err
	}
	draft, err := compile(version, compute.Names{})
	if err != nil {
		return AudiencePreview{}, err
	}
	d := draft.byKey[key]
	if d == nil || !d.audience || d.disabled {
		return AudiencePreview{}, fmt.Errorf("the audience %q: %w in the document", key, space.ErrNotFound)
	}
	if err := draft.takeOver(v, pos); err != nil {
		return AudiencePreview{}, err
	}
	out := AudiencePreview{Key: key, AsOf: v.Now().UnixNano()}
	from, end := codec.Profiles.All(v.Keys())
	for {
		page, err := v.Reader().Scan(ctx, from, end, historyProfiles, false)
		if err != nil {
			return out, err
		}
		var profiles []codec.ProfileID
		for _, e := range page {
			p, ok := codec.Profiles.Parse(e.Key)
			if !ok {
				return out, kv.ErrCorrupt
			}
			rec, err := codec.DecodeProfile(e.Value)
			if err != nil {
				return out, fmt.Errorf("profile %x: %w", p, err)
			}
			if !rec.Merged && rec.Collection == d.collection {
				profiles = append(profiles, p)
			}
		}
		found, err := gather(v, profiles, true)
		if err != nil {
			return out, err
		}
		outcomes, err := draft.evaluate(v, found, out.AsOf)
		if err != nil {
			return out, err
		}
		for i := range outcomes {
			if _, in := outcomes[i].get(d.number); !in {
				continue
			}
			if out.Members++; len(out.Sample) < sample {
				out.Sample = append(out.Sample, found[i].id.Text(d.collection))
			}
		}
		if len(page) < historyProfiles {
			return out, nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

// takeOver has a draft use the rows of the streams whose rows cover history, and takes
// those of its other streams out of history.
func (c *Compiled) takeOver(v *space.View, pos *position) error {
	c.stored = map[compute.StreamID]bool{}
	for _, s := range pos.Streams {
		c.stored[s] = true
	}
	var missing []compute.StreamID
	isMissing := map[compute.StreamID]bool{}
	for _, s := range c.Set.InUse() {
		if !c.stored[s.ID] {
			missing = append(missing, s.ID)
			isMissing[s.ID] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	c.extra = map[identity.Hash][]compute.Row{}
	n := 0
	return v.EachBlock(func(b *journal.Block) error {
		for o := range b.Heads {
			e, m, state := b.Event(o)
			if state != journal.Whole || !c.Set.Takes(m.Type, m.Name, missing...) {
				continue
			}
			var taken compute.Taken
			c.Set.Extract(&m, e.Source, &taken)
			h := &b.Heads[o]
			for _, row := range taken.Rows {
				strand, ok := strandOf(h, row.Account)
				if !ok || !isMissing[row.Stream] {
					continue
				}
				if n += previewRowBytes + len(row.Value); n > mostPreviewBytes {
					return fmt.Errorf("%w: too many events of the past count here; put the definition in force to see its members", space.ErrTooLarge)
				}
				row.At = event.Moment{Time: h.Time, ReceivedAt: h.ReceivedAt, Arrival: b.ID.At(o)}
				c.extra[strand] = append(c.extra[strand], row)
			}
		}
		return nil
	})
}
