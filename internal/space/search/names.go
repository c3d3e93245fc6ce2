package search

import (
	"context"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// mostUnread is how many records of the feed TraitNames reads that are not in the index.
const mostUnread = 1024

// TraitNames lists the names of the traits that profiles of a collection have, sorted; of
// one that holds an object, also the paths of what is in it. whole is false if there may be
// others, because the index is incomplete, far behind, or there are too many. Traits that
// hold nothing, such as an empty list, are not found.
func (x *Index) TraitNames(ctx context.Context, c identity.Collection) (names []string, whole bool, err error) {
	v, err := x.space.View(ctx)
	if err != nil {
		return nil, false, err
	}
	defer v.Close()
	f := &finder{View: v, q: Query{Collection: c}}
	status, err := f.status(ctx)
	if err != nil || !status.Complete {
		return nil, false, err
	}
	st, _, err := readState(ctx, v.Reader(), v.Keys())
	if err != nil {
		return nil, false, err
	}
	fields, err := f.fields(ctx, Trait)
	if err != nil || len(fields) == mostFields {
		return nil, false, err
	}
	for i := range fields {
		for name := fields[i].Name; ; {
			names = append(names, name)
			at := strings.LastIndexByte(name, '.')
			if at < 0 {
				break
			}
			name = name[:at]
		}
	}
	cursor, err := feed.ParseCursor(st.Cursor)
	if err != nil {
		return nil, false, err
	}
	unread, _, err := feed.ReadOf(ctx, v.Reader(), v.Keys(), cursor, mostUnread, func(_ *feed.Record, ch *feed.Change) bool {
		return ch.Kind == feed.TraitSet
	})
	if err != nil || len(unread) == mostUnread {
		return nil, false, err
	}
	for i := range unread {
		for k := range unread[i].Changes {
			names = append(names, strings.Clone(unread[i].Changes[k].Trait))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), true, nil
}
