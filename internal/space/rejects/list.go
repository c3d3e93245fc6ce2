package rejects

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// List lists the rejects of a snapshot, the newest first. ErrBadCursor if q.Next is not
// one of ours.
func (k *Keeper) List(ctx context.Context, r kv.Reader, q Query) (Page, error) {
	before := rejectID(bytes.Repeat([]byte{0xff}, idBytes))
	if q.Next != "" {
		id, ok := parseID(q.Next)
		if !ok {
			return Page{}, ErrBadCursor
		}
		before = id
	}
	tags, err := k.tags(ctx, r, q.Source)
	if err != nil {
		return Page{}, err
	}
	list := rejectList{r: r, keys: k.cfg.Keys}
	for _, tag := range tags {
		list.runs = append(list.runs, rejectRun{from: codec.Rejects.Of(k.cfg.Keys, tag.number()), end: rejectsBefore(k.cfg.Keys, tag, before)})
	}
	page, err := list.page(ctx, q)
	if err == nil && q.Bodies {
		err = k.addBodies(ctx, r, &page)
	}
	return page, err
}

// The bodies of a page are read a few at a time. The page ends where it has
// enough of them: one may be a whole request.
const (
	rejectBodiesRead = 16
	rejectBodiesMost = 8 << 20
)

// addBodies reads the bodies of a page's rejects.
func (k *Keeper) addBodies(ctx context.Context, r kv.Reader, page *Page) error {
	size := 0
	for from := 0; from < len(page.Rejects); from += rejectBodiesRead {
		part := page.Rejects[from:min(from+rejectBodiesRead, len(page.Rejects))]
		keys := make([][]byte, len(part))
		for i := range part {
			id, _ := parseID(part[i].ID)
			keys[i] = rejectKey(codec.RejectBodies, k.cfg.Keys, id)
		}
		bodies, err := r.Get(ctx, keys...)
		if err != nil {
			return err
		}
		for i, b := range bodies {
			if part[i].Body, err = unpack(b); err != nil {
				return err
			}
			size += len(part[i].Body)
		}
		if end := from + len(part); size >= rejectBodiesMost && end < len(page.Rejects) {
			page.Rejects = page.Rejects[:end]
			page.Next = page.Rejects[end-1].ID
		}
	}
	return nil
}

// page reads the rejects that a query asks for.
func (l *rejectList) page(ctx context.Context, q Query) (page Page, err error) {
	limit := min(max(q.Limit, 1), 1000)
	for {
		rej, err := l.next(ctx)
		if err != nil || rej == nil {
			return page, err
		}
		if q.Source != "" && rej.Source != q.Source || q.Code != "" && rej.Code != q.Code {
			continue
		}
		if len(page.Rejects) == limit {
			page.Next = page.Rejects[limit-1].ID
			return page, nil
		}
		page.Rejects = append(page.Rejects, rej.Reject)
	}
}

// tags lists the tags of one source, or, if it is "", of all that have
// rejects.
func (k *Keeper) tags(ctx context.Context, r kv.Reader, source string) ([]rejectTag, error) {
	if source != "" {
		return []rejectTag{k.tag(source)}, nil
	}
	counts, err := readCounts(ctx, r, k.cfg.Keys, 0)
	if err != nil {
		return nil, err
	}
	var tags []rejectTag
	for kind := range counts {
		tags = append(tags, k.tag(kind.source))
	}
	slices.SortFunc(tags, func(a, b rejectTag) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(tags), nil
}

// rejectsBefore is the end of the rejects with a tag whose IDs are below one.
func rejectsBefore(ks codec.Keyspace, tag rejectTag, before rejectID) []byte {
	other := before.tag()
	switch c := bytes.Compare(tag[:], other[:]); {
	case c == 0:
		return rejectKey(codec.Rejects, ks, before)
	case c > 0:
		return codec.Rejects.Of2(ks, tag.number(), before.time())
	}
	return kv.PrefixEnd(codec.Rejects.Of2(ks, tag.number(), before.time()))
}

// rejectList merges the rejects of several sources, the newest first.
type rejectList struct {
	r    kv.Reader
	keys codec.Keyspace
	runs []rejectRun
}

// rejectRun is the rejects of one source, a page of which is read.
type rejectRun struct {
	from, end []byte
	page      []rejectRecord
	last      bool // nothing is behind the page
}

const rejectPage = 64

// next returns the next reject, nil at the end.
func (l *rejectList) next(ctx context.Context) (*rejectRecord, error) {
	if err := l.fill(ctx); err != nil {
		return nil, err
	}
	var newest *rejectRun
	for i := range l.runs {
		if run := &l.runs[i]; len(run.page) > 0 && (newest == nil || run.page[0].ID > newest.page[0].ID) {
			newest = run
		}
	}
	if newest == nil {
		return nil, nil
	}
	rej := &newest.page[0]
	newest.page = newest.page[1:]
	return rej, nil
}

// fill reads a page of each source that has none, all at once.
func (l *rejectList) fill(ctx context.Context) error {
	var ranges []kv.Range
	var empty []*rejectRun
	for i := range l.runs {
		if run := &l.runs[i]; len(run.page) == 0 && !run.last {
			ranges = append(ranges, kv.Range{From: run.from, To: run.end})
			empty = append(empty, run)
		}
	}
	if len(ranges) == 0 {
		return nil
	}
	pages, err := l.r.Scans(ctx, ranges, rejectPage, true)
	if err != nil {
		return err
	}
	for i, run := range empty {
		for _, e := range pages[i] {
			id, ok := idOf(e.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			rej, err := decodeReject(id, e.Value)
			if err != nil {
				return err
			}
			run.page = append(run.page, rej)
			run.end = e.Key
		}
		run.last = len(pages[i]) < rejectPage
	}
	return nil
}

// Get reads one reject with its body; ErrNotFound if it is not kept.
func (k *Keeper) Get(ctx context.Context, r kv.Reader, text string) (Reject, error) {
	id, ok := parseID(text)
	if !ok {
		return Reject{}, ErrNotFound
	}
	got, err := r.Get(ctx, rejectKey(codec.Rejects, k.cfg.Keys, id), rejectKey(codec.RejectBodies, k.cfg.Keys, id))
	if err != nil {
		return Reject{}, err
	}
	if got[0] == nil {
		return Reject{}, ErrNotFound
	}
	rej, err := decodeReject(id, got[0])
	if err == nil {
		rej.Body, err = unpack(got[1])
	}
	return rej.Reject, err
}

// Counts counts the rejects of a snapshot by source and code, exactly.
func (k *Keeper) Counts(ctx context.Context, r kv.Reader) ([]Count, error) {
	counts, err := readCounts(ctx, r, k.cfg.Keys, 0)
	if err != nil {
		return nil, err
	}
	out := make([]Count, 0, len(counts))
	for kind, n := range counts {
		if n.records != 0 {
			out = append(out, Count{kind.source, kind.code, n.records, n.messages})
		}
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Code, b.Code))
	})
	return out, nil
}
