package space

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Rejects lists refused messages that are kept, the newest first. ErrBadCursor
// if q.Next is not one of ours.
func (s *Space) Rejects(ctx context.Context, q RejectQuery) (RejectPage, error) {
	before := rejectID(bytes.Repeat([]byte{0xff}, rejectIDBytes))
	if q.Next != "" {
		id, ok := parseRejectID(q.Next)
		if !ok {
			return RejectPage{}, ErrBadCursor
		}
		before = id
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return RejectPage{}, err
	}
	defer r.Close()
	tags, err := s.rejectTags(ctx, r, q.Source)
	if err != nil {
		return RejectPage{}, err
	}
	list := rejectList{r: r, keys: s.keys}
	for _, tag := range tags {
		list.runs = append(list.runs, rejectRun{from: codec.Rejects.Of(s.keys, tag.number()), end: rejectsBefore(s.keys, tag, before)})
	}
	page, err := list.page(ctx, q)
	if err == nil && q.Bodies {
		err = s.addBodies(ctx, r, &page)
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
func (s *Space) addBodies(ctx context.Context, r kv.Reader, page *RejectPage) error {
	size := 0
	for from := 0; from < len(page.Rejects); from += rejectBodiesRead {
		part := page.Rejects[from:min(from+rejectBodiesRead, len(page.Rejects))]
		keys := make([][]byte, len(part))
		for i := range part {
			id, _ := parseRejectID(part[i].ID)
			keys[i] = rejectKey(codec.RejectBodies, s.keys, id)
		}
		bodies, err := r.Get(ctx, keys...)
		if err != nil {
			return err
		}
		for i, b := range bodies {
			if part[i].Body, err = unpackReject(b); err != nil {
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
func (l *rejectList) page(ctx context.Context, q RejectQuery) (page RejectPage, err error) {
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

// rejectTags lists the tags of one source, or, if it is "", of all that have
// rejects.
func (s *Space) rejectTags(ctx context.Context, r kv.Reader, source string) ([]rejectTag, error) {
	if source != "" {
		return []rejectTag{s.rejectTag(source)}, nil
	}
	counts, err := readRejectCounts(ctx, r, s.keys, 0)
	if err != nil {
		return nil, err
	}
	var tags []rejectTag
	for k := range counts {
		tags = append(tags, s.rejectTag(k.source))
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
			id, ok := rejectIDOf(e.Key)
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

// Reject reads one refused message with its body; ErrNotFound if it is not kept.
func (s *Space) Reject(ctx context.Context, text string) (Reject, error) {
	id, ok := parseRejectID(text)
	if !ok {
		return Reject{}, ErrNotFound
	}
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return Reject{}, err
	}
	defer r.Close()
	got, err := r.Get(ctx, rejectKey(codec.Rejects, s.keys, id), rejectKey(codec.RejectBodies, s.keys, id))
	if err != nil {
		return Reject{}, err
	}
	if got[0] == nil {
		return Reject{}, ErrNotFound
	}
	rej, err := decodeReject(id, got[0])
	if err == nil {
		rej.Body, err = unpackReject(got[1])
	}
	return rej.Reject, err
}

// RejectCounts counts the kept rejects by source and code, exactly.
func (s *Space) RejectCounts(ctx context.Context) ([]RejectCount, error) {
	r, err := s.store.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	counts, err := readRejectCounts(ctx, r, s.keys, 0)
	if err != nil {
		return nil, err
	}
	out := make([]RejectCount, 0, len(counts))
	for k, n := range counts {
		if n.records != 0 {
			out = append(out, RejectCount{k.source, k.code, n.records, n.messages})
		}
	}
	slices.SortFunc(out, func(a, b RejectCount) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Code, b.Code))
	})
	return out, nil
}
