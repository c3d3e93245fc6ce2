package deliver

import (
	"bytes"
	"crypto/x509"
	"errors"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
)

// ErrInvalid: a definition cannot be taken. The error lists each mistake with its line.
var ErrInvalid = errors.New("the destinations cannot be taken")

// Definition declares one destination.
type Definition struct {
	Key         string
	Type        string
	Name        string
	Description string
	Disabled    bool
	Send        Selection
	// InitialSend: the members of the moment at which it is attached are told.
	InitialSend bool
	// Identifiers are the types of identifiers that are told about; nil: user_id,
	// and anonymous_id of who has none.
	Identifiers []string
	Settings    Settings

	text    []byte            // as YAML, without secrets
	secrets map[string]string // by path below the destination
	keeps   bool              // one of them is kept, and was not written again
}

// Selection says what is sent.
type Selection struct {
	Traits    Selected
	Audiences Selected
	Merges    bool
	// Events selects events of the journal; nil: none.
	Events *Filter
	// Filter selects messages of the other kinds; nil: all.
	Filter *Filter
}

// Selected are some keys or all.
type Selected struct {
	All  bool
	Keys []string
}

// Has reports whether a key is selected.
func (s Selected) Has(key string) bool { return s.All || slices.Contains(s.Keys, key) }

// Subscription is one mail, or whatever else is kept apart in the ledger under a name
// of its own, of a destination that has several for one audience.
type Subscription struct {
	Name     string // in the ledger
	Audience string
	// Wait counts from the event that made it so; nothing is sent before it has passed.
	Wait time.Duration
	// Still: leaving the audience before it was sent takes it back.
	Still bool
}

// Kind is a type of destinations.
type Kind interface {
	// Parse reads the settings, which stand under the name of the kind. Mistakes are
	// recorded in the section; d is what was read before.
	Parse(s *Section, d *Definition) Settings
}

// Settings are those of one destination.
type Settings interface {
	Limits() Limits
	// Subscriptions is nil unless the settings themselves say what is sent.
	Subscriptions() []Subscription
	// Open makes the sender. It connects to nothing yet.
	Open(env Environment) (Sender, error)
}

// Environment is what a sender may use.
type Environment struct {
	Space       string
	Destination string
	Guard       *outgoing.Guard
	Roots       *x509.CertPool // who may sign certificates; nil: whom the system trusts
	Source      Source
	Log         *slog.Logger
	Now         func() time.Time
	// Dir is where files of destinations lie; "": nowhere.
	Dir string
	// Mail is what mails need beyond their sender.
	Mail Mailbook
}

// Whole is a document of other definitions, in YAML or JSON, with the destinations of
// another one added.
func Whole(document string, destinations []byte) (string, error) {
	if len(destinations) == 0 {
		return document, nil
	}
	if trimmed := strings.TrimSpace(document); !strings.HasPrefix(trimmed, "{") && trimmed != "null" {
		if trimmed != "" {
			document = strings.TrimRight(document, "\n") + "\n\n"
		}
		return document + string(destinations), nil
	}
	var a, b yaml.Node
	if err := yaml.Unmarshal([]byte(document), &a); err != nil {
		return "", err
	}
	if err := yaml.Unmarshal(destinations, &b); err != nil {
		return "", err
	}
	if a.Content[0].Kind != yaml.MappingNode {
		return string(destinations), nil
	}
	a.Content[0].Style = 0
	a.Content[0].Content = append(a.Content[0].Content, b.Content[0].Content...)
	text, err := yaml.Marshal(&a)
	return string(text), err
}

var keyForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// Parse reads the destinations of a document of definitions, in YAML or JSON; what
// else the document declares is not looked at. kept are the secrets that are set, by
// destination. The error is Mistakes.
func Parse(text []byte, kinds map[string]Kind, kept map[string]map[string]string) ([]*Definition, error) {
	var doc yaml.Node
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, nil
	}
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc); err != nil {
		return nil, Mistakes{{Path: "destinations", Text: "the document cannot be read: " + strings.TrimPrefix(err.Error(), "yaml: ")}}
	}
	var m mistakes
	var out []*Definition
	most := mostNodes
	if !withoutAliases(&doc, &most) {
		return nil, Mistakes{{Path: "destinations", Text: "the aliases of the document (*name) make too much of it; write out what they stand for"}}
	}
	root := newSection("", doc.Content[0], &document{mistakes: &m})
	if node := root.value("destinations"); node != nil {
		all := newSection("destinations", node, root.under)
		for i := 0; i+1 < len(all.node.Content); i += 2 {
			key := all.node.Content[i]
			path := "destinations." + key.Value
			if !keyForm.MatchString(key.Value) {
				all.fail(key.Line, path, "a key has up to 64 of a to z, 0 to 9 and _, and begins with a letter")
			}
			under := &document{mistakes: &m, kept: kept[key.Value], secrets: map[string]string{}, root: path}
			out = append(out, parseOne(key.Value, newSection(path, all.node.Content[i+1], under), kinds))
		}
	}
	if err := m.err(); err != nil {
		return nil, err
	}
	return out, nil
}

// parseOne reads one destination.
func parseOne(key string, s *Section, kinds map[string]Kind) *Definition {
	d := &Definition{
		Key: key, Type: s.Required("type"), Name: s.Text("name"), Description: s.Text("description"),
		Disabled: s.Bool("disabled"), InitialSend: s.Choice("initial", "silent", "send") == "send",
		Identifiers: s.Texts("identifiers"), secrets: s.under.secrets,
	}
	for _, t := range d.Identifiers {
		if t == "" {
			s.Mistake("identifiers", "has an empty type")
		}
	}
	send := s.Section("send")
	if send != nil {
		d.Send.Traits, d.Send.Audiences = selected(send, "traits"), selected(send, "audiences")
		d.Send.Merges = send.Bool("merges")
		d.Send.Events = filterOf(send, "events", onEvents)
		d.Send.Filter = filterOf(send, "filter", onMessages)
		send.Close()
	}
	var names []string
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	if kind := kinds[d.Type]; kind != nil {
		own := s.Section(d.Type)
		if own == nil {
			own = newSection(s.path+"."+d.Type, &yaml.Node{Kind: yaml.MappingNode, Line: s.node.Line}, s.under)
		}
		d.Settings = kind.Parse(own, d)
		own.Close()
	} else if d.Type != "" {
		s.Mistake("type", "is %q; there are %v", d.Type, names)
	}
	if d.Settings != nil && d.Settings.Subscriptions() == nil && !d.sendsAnything() {
		s.Mistake("send", "selects nothing; name traits, audiences, merges or events (all is possible)")
	}
	s.Close()
	text, err := yaml.Marshal(s.node)
	if err != nil {
		s.fail(s.node.Line, s.path, "cannot be written again")
	}
	d.text, d.keeps = text, s.under.keeps
	return d
}

func (d *Definition) sendsAnything() bool {
	return d.Send.Traits.All || d.Send.Audiences.All || len(d.Send.Traits.Keys)+len(d.Send.Audiences.Keys) > 0 || d.Send.Merges || d.Send.Events != nil
}

func selected(s *Section, key string) Selected {
	keys := s.Texts(key)
	if len(keys) == 1 && keys[0] == "all" {
		return Selected{All: true}
	}
	for _, k := range keys {
		if !keyForm.MatchString(k) {
			s.Mistake(key, "has %q, which is no key; write a list of keys, or all", k)
		}
	}
	return Selected{Keys: keys}
}

// Text is the definition in YAML, with SecretSet for every secret.
func (d *Definition) Text() []byte { return slices.Clone(d.text) }

// subscriptions are what the destination is told of, given the keys that there are:
// by their names in the ledger.
func (d *Definition) subscriptions(keys []Key) map[string]subscribed {
	out := map[string]subscribed{}
	own := d.Settings.Subscriptions()
	for _, k := range keys {
		for _, s := range own {
			if s.Audience == k.Name && k.Class == Audience {
				out[s.Name] = subscribed{k, s}
			}
		}
		if own == nil && (k.Class == Trait && d.Send.Traits.Has(k.Name) || k.Class == Audience && d.Send.Audiences.Has(k.Name)) {
			out[k.Name] = subscribed{k, Subscription{Name: k.Name, Audience: k.Name, Still: true}}
		}
	}
	return out
}

// complete are those of subscriptions of which something may be said.
func complete(all map[string]subscribed) map[string]subscribed {
	out := map[string]subscribed{}
	for name, s := range all {
		if s.Complete {
			out[name] = s
		}
	}
	return out
}

// subscribed is a subscription with the key that it is about.
type subscribed struct {
	Key
	Subscription
}
