package catalog

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// Errors of the catalog. They come wrapped with what they are about.
var (
	// ErrNotFound: there is no such space, source or token.
	ErrNotFound = errors.New("not found")
	// ErrExists: the ID, name or write key is taken.
	ErrExists = errors.New("exists already")
	// ErrDeclared: the entry stands in the configuration file, and only a
	// change of the file changes it.
	ErrDeclared = errors.New("declared in the configuration file; change it there and restart")
	// ErrDeleting: a space of this ID is being deleted.
	ErrDeleting = errors.New("is being deleted; its ID is free again when all its data is erased, see selfsame space list")
	// ErrInvalid: what was given cannot be an entry.
	ErrInvalid = errors.New("invalid")
)

// Space is an isolated identity graph.
type Space struct {
	ID            string    `json:"id"`
	Name          string    `json:"name"`
	CreatedAt     time.Time `json:"created_at"`
	Declared      bool      `json:"declared"`
	RulesDeclared bool      `json:"rules_declared"` // its rules stand in the configuration file

	// DeletedAt is when its deletion began; nil: it is not being deleted.
	DeletedAt *time.Time `json:"deleted_at,omitempty"`
}

// Source is where events come from. Its ID is unique among the sources that
// feed a space, so a space and an ID name it.
type Source struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Spaces    []string  `json:"spaces"`           // that it feeds: one or more, in order of ID
	KeyPrefix string    `json:"write_key_prefix"` // the first characters of the write key
	CreatedAt time.Time `json:"created_at"`
	Declared  bool      `json:"declared"`

	KeyCreatedAt time.Time   `json:"write_key_created_at"`
	FormerKeys   []FormerKey `json:"former_keys,omitempty"` // the youngest first
}

// Token lets a server read the profiles of one space.
type Token struct {
	Space     string    `json:"space"`
	Name      string    `json:"name"` // unique in the space
	Prefix    string    `json:"token_prefix"`
	CreatedAt time.Time `json:"created_at"`
	Declared  bool      `json:"declared"`
}

// Options tune a catalog. The zero value is good.
type Options struct {
	Now     func() time.Time // nil: time.Now
	Log     *slog.Logger     // nil: slog.Default
	Refresh time.Duration    // how old the view of a shared store may be; default 800 ms
	// Changed is called after the catalog has become known to be another; it must
	// return at once. nil: nobody is told.
	Changed func()
}

// Catalog is safe for use from many goroutines at once.
type Catalog struct {
	store   kv.Store
	now     func() time.Time
	log     *slog.Logger
	refresh time.Duration
	changed func()

	unknown unknownKeys

	opened   time.Time
	view     atomic.Pointer[state]
	checked  atomic.Int64 // when the read began that found the view current; nanoseconds since opened
	reads    reads
	changing sync.Mutex // held by the one who changes the store
}

// Open reads the catalog of a store.
func Open(ctx context.Context, store kv.Store, opt Options) (*Catalog, error) {
	c := &Catalog{store: store, now: opt.Now, log: opt.Log, refresh: opt.Refresh, changed: opt.Changed}
	if c.log == nil {
		c.log = slog.Default()
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.refresh <= 0 {
		c.refresh = maxAge
	}
	c.opened = c.now()
	c.view.Store(emptyState())
	if err := c.reload(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// Spaces lists the spaces in order of ID, without those that are being deleted.
func (c *Catalog) Spaces(ctx context.Context) []Space {
	s := c.current(ctx)
	out := make([]Space, 0, len(s.spaces))
	for _, sp := range s.spaces {
		out = append(out, *sp)
	}
	slices.SortFunc(out, func(a, b Space) int { return compare(a.ID, b.ID) })
	return out
}

// Space reads one space. One that is being deleted is ErrNotFound.
func (c *Catalog) Space(ctx context.Context, id string) (Space, error) {
	sp, err := lookUp(ctx, c, func(s *state) *Space { return s.spaces[id] })
	if err != nil {
		return Space{}, err
	}
	if sp == nil {
		return Space{}, c.view.Load().noSpace(id)
	}
	return *sp, nil
}

// Sources lists the sources that feed a space, in order of ID.
func (c *Catalog) Sources(ctx context.Context, space string) ([]Source, error) {
	if _, err := c.Space(ctx, space); err != nil {
		return nil, err
	}
	s := c.current(ctx)
	out := []Source{}
	for _, src := range s.sources {
		if slices.Contains(src.Spaces, space) {
			out = append(out, src.public())
		}
	}
	slices.SortFunc(out, func(a, b Source) int { return compare(a.ID, b.ID) })
	return out, nil
}

// Source reads one of the sources that feed a space.
func (c *Catalog) Source(ctx context.Context, space, id string) (Source, error) {
	if _, err := c.Space(ctx, space); err != nil {
		return Source{}, err
	}
	src, err := lookUp(ctx, c, func(s *state) *sourceRecord {
		found, _ := s.source(space, id)
		return found
	})
	if err != nil {
		return Source{}, err
	}
	if src == nil {
		return Source{}, noSource(space, id)
	}
	return src.public(), nil
}

// Tokens lists the tokens of a space, in order of name.
func (c *Catalog) Tokens(ctx context.Context, space string) ([]Token, error) {
	if _, err := c.Space(ctx, space); err != nil {
		return nil, err
	}
	out := []Token{}
	for _, t := range c.current(ctx).tokens {
		if t.Space == space {
			out = append(out, t.public())
		}
	}
	slices.SortFunc(out, func(a, b Token) int { return compare(a.Name, b.Name) })
	return out, nil
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
