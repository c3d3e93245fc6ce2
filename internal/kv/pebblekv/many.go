package pebblekv

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// leastMany is from how many keys or ranges on one iterator is led through all of them:
// to make one costs about as much as a few look-ups.
const leastMany = 16

// getMany reads keys in their order, with one iterator that goes on from where it is. It
// asks the filters of tables as Get does. The caller has entered.
func (r *reader) getMany(ctx context.Context, keys [][]byte) (values [][]byte, err error) {
	order := make([]int, 0, len(keys))
	for i, key := range keys {
		if len(key) > 0 { // never written, and nothing the engine likes to be asked
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int { return bytes.Compare(keys[a], keys[b]) })
	values = make([][]byte, len(keys))
	it, err := r.v.snap.NewIter(nil)
	if err != nil {
		return nil, fmt.Errorf("get: %w", sentinel(err))
	}
	defer func() {
		if cerr := it.Close(); cerr != nil && err == nil {
			values, err = nil, fmt.Errorf("get: %w", sentinel(cerr))
		}
	}()
	for n, i := range order {
		if n%ctxEvery == ctxEvery-1 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		if n > 0 && bytes.Equal(keys[i], keys[order[n-1]]) {
			if v := values[order[n-1]]; v != nil {
				values[i] = own(v)
			}
			continue
		}
		if !it.SeekPrefixGE(keys[i]) || !bytes.Equal(it.Key(), keys[i]) {
			if err := it.Error(); err != nil {
				return nil, fmt.Errorf("get: %w", sentinel(err))
			}
			continue
		}
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("get: %w", sentinel(err))
		}
		values[i] = own(value)
	}
	return values, nil
}

// scanMany reads ranges forwards, in the order of their beginnings, with one iterator. All
// have both bounds. The caller has entered.
func (r *reader) scanMany(ctx context.Context, ranges []kv.Range, limit int) (out [][]kv.Entry, err error) {
	order := make([]int, len(ranges))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return bytes.Compare(ranges[a].From, ranges[b].From) })
	upper := ranges[0].To
	for i := range ranges {
		if bytes.Compare(ranges[i].To, upper) > 0 {
			upper = ranges[i].To
		}
	}
	lower := ranges[order[0]].From
	if bytes.Compare(lower, upper) >= 0 {
		return make([][]kv.Entry, len(ranges)), nil
	}
	it, err := r.v.snap.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, fmt.Errorf("scan: %w", sentinel(err))
	}
	defer func() {
		if cerr := it.Close(); cerr != nil && err == nil {
			out, err = nil, fmt.Errorf("scan: %w", sentinel(cerr))
		}
	}()
	out = make([][]kv.Entry, len(ranges))
	read := 0
	for _, i := range order {
		to := ranges[i].To
		for ok := it.SeekGE(ranges[i].From); ok && bytes.Compare(it.Key(), to) < 0; ok = it.Next() {
			value, err := it.ValueAndErr()
			if err != nil {
				return nil, fmt.Errorf("scan: %w", sentinel(err))
			}
			out[i] = append(out[i], kv.Entry{Key: slices.Clone(it.Key()), Value: own(value)})
			if len(out[i]) == limit {
				break
			}
		}
		if err := it.Error(); err != nil {
			return nil, fmt.Errorf("scan: %w", sentinel(err))
		}
		if read++; read%ctxEvery == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// bounded reports whether each range has both bounds.
func bounded(ranges []kv.Range) bool {
	return !slices.ContainsFunc(ranges, func(r kv.Range) bool { return len(r.From) == 0 || len(r.To) == 0 })
}
