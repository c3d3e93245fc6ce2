package catalog

import (
	"slices"
	"time"
)

// declareFormer adds former keys that the file declares. Their times are filled in
// by dateFormer.
func (r *sourceRecord) declareFormer(keys []DeclaredKey) {
	for _, k := range keys {
		d := digestOf(k.WriteKey)
		if r.former(d) == nil {
			until := k.Until.UTC().Truncate(time.Millisecond)
			r.Former = append(r.Former, formerKey{FormerKey: FormerKey{Prefix: prefixOf(k.WriteKey), Until: &until}, Secret: d, Declared: true})
		}
	}
}

// former finds a former key of the source; nil: it has none like it.
func (r *sourceRecord) former(d digest) *formerKey {
	for i := range r.Former {
		if r.Former[i].Secret.equal(d) {
			return &r.Former[i]
		}
	}
	return nil
}

// takeFormer takes over what is known of the former keys of a declared source. What
// the file no longer declares is not taken any more, and neither is a key that the
// file has replaced without a word; but whose keys they were is remembered. A grace
// that the API gave holds.
func (r *sourceRecord) takeFormer(old *sourceRecord, now time.Time) {
	if !old.Secret.equal(r.Secret) {
		if f := r.former(old.Secret); f != nil {
			f.CreatedAt, f.RotatedAt = old.KeyCreatedAt, now
		} else {
			r.Former = append(r.Former, formerKey{FormerKey: FormerKey{old.KeyPrefix, old.KeyCreatedAt, now, &now}, Secret: old.Secret})
		}
	}
	for _, k := range old.Former {
		if k.Secret.equal(r.Secret) {
			continue // it is at work again
		}
		if f := r.former(k.Secret); f != nil {
			if f.CreatedAt.IsZero() {
				f.CreatedAt, f.RotatedAt = k.CreatedAt, k.RotatedAt
			}
			continue
		}
		if k.Declared && k.Until.After(now) {
			k.Until = &now
		}
		k.Declared = false
		r.Former = append(r.Former, k)
	}
}

// dateFormer dates the keys that were never seen before, and keeps the youngest and
// all that are still taken.
func (r *sourceRecord) dateFormer(now time.Time) {
	for i := range r.Former {
		if f := &r.Former[i]; f.CreatedAt.IsZero() {
			f.CreatedAt, f.RotatedAt = now, now
		}
	}
	slices.SortStableFunc(r.Former, func(a, b formerKey) int { return b.RotatedAt.Compare(a.RotatedAt) })
	for i := len(r.Former) - 1; i >= 0 && len(r.Former) > mostFormer; i-- {
		if !r.Former[i].Until.After(now) {
			r.Former = slices.Delete(r.Former, i, i+1)
		}
	}
}

func sameFormer(a, b formerKey) bool {
	return a.Secret.equal(b.Secret) && a.Declared == b.Declared && a.Until.Equal(*b.Until) && a.RotatedAt.Equal(b.RotatedAt)
}
