package computed

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// VersionPage is a page of the versions of the definitions; Next is "" on the last.
type VersionPage struct {
	Versions []Version
	Next     string
}

// DefinitionsHistory lists the versions of the definitions, the newest first, limit of
// them (1 to 1000). space.ErrBadCursor if next is not one of ours.
func (c *Computed) DefinitionsHistory(ctx context.Context, limit int, next string) (VersionPage, error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return VersionPage{}, err
	}
	defer v.Close()
	from, end := codec.DefinitionVersions.All(v.Keys())
	if next != "" {
		n, err := strconv.ParseUint(next, 10, 64)
		if err != nil {
			return VersionPage{}, space.ErrBadCursor
		}
		end = codec.DefinitionVersions.Key(v.Keys(), n)
	}
	limit = min(max(limit, 1), 1000)
	entries, err := v.Reader().Scan(ctx, from, end, limit+1, true)
	if err != nil {
		return VersionPage{}, err
	}
	var page VersionPage
	for i, e := range entries {
		if i == limit {
			page.Next = strconv.FormatUint(page.Versions[i-1].Revision, 10)
			break
		}
		one, err := decodeVersion(e.Value)
		if err != nil {
			return page, err
		}
		page.Versions = append(page.Versions, one)
	}
	return page, nil
}

// DefinitionsVersion reads one version of the definitions; 0 is the one in force, which has
// revision 0 where none was ever set. space.ErrNotFound if there is none of that
// number.
func (c *Computed) DefinitionsVersion(ctx context.Context, revision uint64) (Version, error) {
	v, err := c.space.View(ctx)
	if err != nil {
		return Version{}, err
	}
	defer v.Close()
	if revision == 0 {
		defs, err := c.space.DefinitionsAt(ctx, v.Reader())
		if err != nil || defs.Revision == 0 {
			return Version{}, err
		}
		return compiledOf(defs).Version, nil
	}
	got, err := v.Reader().Get(ctx, codec.DefinitionVersions.Key(v.Keys(), revision))
	if err != nil {
		return Version{}, err
	}
	if got[0] == nil {
		return Version{}, fmt.Errorf("revision %d of the definitions: %w", revision, space.ErrNotFound)
	}
	return decodeVersion(got[0])
}

func decodeVersion(b []byte) (v Version, err error) {
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("%w: a version of the definitions: %w", kv.ErrCorrupt, err)
	}
	return v, nil
}
