package computed

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
)

// Version is a version of the definitions of a space, as it is stored.
type Version struct {
	Revision uint64 `json:"revision"`
	// Document is what was applied, without its destinations.
	Document string          `json:"document"`
	Streams  compute.Streams `json:"streams"`
	// Numbers are those of the keys that are in the document; numbers and keys are
	// never given again.
	Numbers    map[string]uint32 `json:"numbers"`
	LastNumber uint32            `json:"last_number"`
	Deleted    []string          `json:"deleted,omitempty"` // keys that were in an earlier version, sorted
	SetAt      int64             `json:"set_at"`            // nanoseconds since 1970
	SetBy      string            `json:"set_by"`
	SetFor     string            `json:"set_for,omitempty"`
	Why        string            `json:"why,omitempty"`
}

// Compiled is a version of the definitions, ready for work.
type Compiled struct {
	Version  Version
	Document *compute.Document
	Set      *compute.Set

	definitions []definition // by number, disabled ones too
	byNumber    map[uint32]*definition
	byKey       map[string]*definition
	accounts    bool // something is computed of accounts
	counting    bool // audiences of accounts count users in audiences
	tally       tally

	// Of a draft: the streams whose stored rows cover history, and the rows of the
	// others. nil: those that are stored are all.
	stored map[compute.StreamID]bool
	extra  map[identity.Hash][]compute.Row
}

// definition is a computed trait or an audience.
type definition struct {
	key               string
	number            uint32
	name, description string
	audience          bool
	disabled          bool
	collection        identity.Collection
	// meaning is a text that is the same as long as its values are: what has the same
	// meaning need not be computed over history again. "" of a disabled one.
	meaning string
	streams []compute.StreamID // that it takes rows from
}

var _ space.Extractor = (*Compiled)(nil)

// Compile compiles a stored version; it is for space.Config.Compile.
func Compile(stored []byte) (space.Extractor, error) {
	v, err := decodeVersion(stored)
	if err != nil {
		return nil, err
	}
	return compile(v, compute.Names{})
}

// compile compiles a version, in which names are known. It gives numbers to streams and keys that have none.
func compile(v Version, names compute.Names) (*Compiled, error) {
	c := &Compiled{Version: v, byNumber: map[uint32]*definition{}, byKey: map[string]*definition{}}
	var err error
	if c.Document, err = compute.Parse([]byte(v.Document)); err != nil {
		return nil, err
	}
	if c.Set, err = compute.Compile(c.Document, v.Streams, names); err != nil {
		return nil, err
	}
	c.Version.Streams = c.Set.Streams()
	for _, d := range c.Set.Definitions() {
		c.accounts = c.accounts || d.Collection == identity.Accounts
		meaning := sha256.Sum256([]byte(d.Signature))
		c.definitions = append(c.definitions, definition{
			key: d.Key, number: v.Numbers[d.Key], audience: d.Audience, collection: d.Collection,
			meaning: hex.EncodeToString(meaning[:12]), streams: d.Streams,
		})
	}
	disabled := func(key string, audience bool, of identity.Collection) {
		c.definitions = append(c.definitions, definition{key: key, number: v.Numbers[key], audience: audience, disabled: true, collection: of})
	}
	for i := range c.Document.Traits {
		if t := &c.Document.Traits[i]; t.Disabled {
			disabled(t.Key, false, t.For)
		}
	}
	for i := range c.Document.Audiences {
		a := &c.Document.Audiences[i]
		if a.Disabled {
			disabled(a.Key, true, a.For)
		}
		c.counting = c.counting || a.Users != "" && !a.Disabled
	}
	slices.SortFunc(c.definitions, func(a, b definition) int { return cmp.Compare(a.number, b.number) })
	said := map[string][2]string{}
	for _, t := range c.Document.Traits {
		said[t.Key] = [2]string{t.Name, t.Description}
	}
	for _, a := range c.Document.Audiences {
		said[a.Key] = [2]string{a.Name, a.Description}
	}
	for i := range c.definitions {
		d := &c.definitions[i]
		c.byNumber[d.number], c.byKey[d.key] = d, d
		d.name, d.description = said[d.key][0], said[d.key][1]
	}
	return c, nil
}

// compiledOf is what a space's definitions were compiled to; nil if there are none.
func compiledOf(d *space.Definitions) *Compiled {
	c, _ := d.Extractor.(*Compiled)
	return c
}

// Extract implements space.Extractor.
func (c *Compiled) Extract(m *event.Message, source string, to *compute.Taken) {
	from := len(to.Skipped)
	c.Set.Extract(m, source, to)
	c.tally.add(to.Skipped[from:])
}

// streamsInUse are the numbers of the streams that are in use. One that was in use once
// and is not now has holes, and gets another number if it is used again.
func (c *Compiled) streamsInUse() compute.Streams {
	out := compute.Streams{Last: c.Version.Streams.Last, Numbers: map[string]compute.StreamID{}}
	for _, s := range c.Set.InUse() {
		out.Numbers[s.Text] = s.ID
	}
	return out
}

// keys are those of the definitions, sorted.
func (c *Compiled) keys() []string { return slices.Sorted(maps.Keys(c.byKey)) }
