package deliver

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Mistake is one thing that is wrong with a document of definitions.
type Mistake struct {
	Line int    `json:"line,omitempty"` // in the document, from 1; 0: not known
	Path string `json:"path"`           // such as destinations.crm.webhook.url
	Text string `json:"message"`        // what is wrong and what to do
}

func (m Mistake) Error() string {
	text := m.Text
	if m.Path != "" {
		text = m.Path + ": " + text
	}
	if m.Line == 0 {
		return text
	}
	return fmt.Sprintf("line %d: %s", m.Line, text)
}

// Mistakes is all that is wrong with a document, by line. It is ErrInvalid.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, one := range m {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Is makes Mistakes an ErrInvalid.
func (m Mistakes) Is(target error) bool { return target == ErrInvalid }

// mistakes collects what is wrong, all at once.
type mistakes struct{ list Mistakes }

func (m *mistakes) err() error {
	if len(m.list) == 0 {
		return nil
	}
	slices.SortStableFunc(m.list, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return m.list
}

// SecretSet stands in a document for a secret that is set: a document that was read
// back shows it, and one that is applied with it keeps the secret that there is.
const SecretSet = "(set)"

// Section is a mapping of a document of definitions, read key by key. What is wrong
// is collected and does not stop the reading. A nil Section is an absent one.
type Section struct {
	path  string
	node  *yaml.Node // a mapping
	under *document
	used  map[string]bool
}

// document is what the sections of one definition share.
type document struct {
	mistakes *mistakes
	kept     map[string]string // secrets that there are, by their path below the destination
	secrets  map[string]string // those after the document is applied
	root     string            // path of the destination
	keeps    bool              // a secret that there is stays
}

func newSection(path string, node *yaml.Node, under *document) *Section {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	s := &Section{path: path, node: node, under: under, used: map[string]bool{}}
	if node.Kind == yaml.ScalarNode && node.Tag == "!!null" {
		s.node = &yaml.Node{Kind: yaml.MappingNode, Line: node.Line}
	} else if node.Kind != yaml.MappingNode {
		s.fail(node.Line, path, "should have keys with values below it")
		s.node = &yaml.Node{Kind: yaml.MappingNode, Line: node.Line}
	}
	for i := 0; i+1 < len(s.node.Content); i += 2 {
		k := s.node.Content[i]
		for j := 0; j < i; j += 2 {
			if s.node.Content[j].Value == k.Value {
				s.fail(k.Line, path+"."+k.Value, fmt.Sprintf("stands here twice; the first is on line %d", s.node.Content[j].Line))
			}
		}
	}
	return s
}

func (s *Section) fail(line int, path, text string) {
	s.under.mistakes.list = append(s.under.mistakes.list, Mistake{line, path, text})
}

// Mistake records that the value of a key is wrong.
func (s *Section) Mistake(key, format string, args ...any) {
	line := s.node.Line
	if v := s.value(key); v != nil {
		line = v.Line
	}
	s.fail(line, s.path+"."+key, fmt.Sprintf(format, args...))
}

// value is the node of a key; nil if it is absent or null.
func (s *Section) value(key string) *yaml.Node {
	if s == nil {
		return nil
	}
	s.used[key] = true
	for i := 0; i+1 < len(s.node.Content); i += 2 {
		if s.node.Content[i].Value == key {
			v := s.node.Content[i+1]
			for v.Kind == yaml.AliasNode {
				v = v.Alias
			}
			if v.Kind == yaml.ScalarNode && v.Tag == "!!null" {
				return nil
			}
			return v
		}
	}
	return nil
}

// Has reports whether a key is there.
func (s *Section) Has(key string) bool { return s.value(key) != nil }

// Text is the text of a key, "" if it is absent.
func (s *Section) Text(key string) string {
	v := s.value(key)
	if v == nil {
		return ""
	}
	if v.Kind != yaml.ScalarNode {
		s.Mistake(key, "should be a text")
		return ""
	}
	return v.Value
}

// Required is a text that has to be there.
func (s *Section) Required(key string) string {
	t := s.Text(key)
	if t == "" && !s.failedAt(key) {
		s.Mistake(key, "is missing")
	}
	return t
}

func (s *Section) failedAt(key string) bool {
	path := s.path + "." + key
	return slices.ContainsFunc(s.under.mistakes.list, func(m Mistake) bool { return m.Path == path })
}

// Choice is one of several texts; the first one if the key is absent.
func (s *Section) Choice(key string, of ...string) string {
	t := s.Text(key)
	if t == "" {
		return of[0]
	}
	if !slices.Contains(of, t) {
		s.Mistake(key, "is %q; it can be %s", t, strings.Join(of, ", "))
		return of[0]
	}
	return t
}

// Secret is a text that is never shown. Where the document has SecretSet, it is the
// one that is set already.
func (s *Section) Secret(key string) string {
	t := s.Text(key)
	if t == "" {
		return ""
	}
	at := strings.TrimPrefix(s.path+"."+key, s.under.root+".")
	if t == SecretSet {
		kept, there := s.under.kept[at]
		if !there {
			s.Mistake(key, "is %s, and no secret is set; write the secret itself", SecretSet)
			return ""
		}
		t, s.under.keeps = kept, true
	}
	s.under.secrets[at] = t
	s.value(key).Value = SecretSet
	return t
}

// Bool is true or false; false if the key is absent.
func (s *Section) Bool(key string) bool {
	v := s.value(key)
	if v == nil {
		return false
	}
	var b bool
	if v.Kind != yaml.ScalarNode || v.Decode(&b) != nil {
		s.Mistake(key, "should be true or false")
	}
	return b
}

// Number is a whole number between least and most; otherwise if the key is absent.
func (s *Section) Number(key string, otherwise, least, most int) int {
	t := s.Text(key)
	if t == "" {
		return otherwise
	}
	n, err := strconv.Atoi(t)
	if err != nil || n < least || n > most {
		s.Mistake(key, "is %q; it is a whole number from %d to %d", t, least, most)
		return otherwise
	}
	return n
}

// Duration is a time such as 5s, 4h or 7d, between least and most; otherwise if the
// key is absent.
func (s *Section) Duration(key string, otherwise, least, most time.Duration) time.Duration {
	t := s.Text(key)
	if t == "" {
		return otherwise
	}
	d, err := ParseSpan(t)
	if err != nil {
		s.Mistake(key, "is %q; write a time like 5s, 4h or 7d", t)
		return otherwise
	}
	if d < least || d > most {
		s.Mistake(key, "is %s; it can be %s to %s", t, SpanText(least), SpanText(most))
		return otherwise
	}
	return d
}

var span = regexp.MustCompile(`^(\d{1,6})(ms|s|m|h|d|w)$`)

var spanUnits = map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}

// ParseSpan reads a time such as 500ms, 5s, 30m, 4h, 7d or 2w.
func ParseSpan(t string) (time.Duration, error) {
	m := span.FindStringSubmatch(t)
	if m == nil {
		return 0, fmt.Errorf("%q is not a time like 5s, 4h or 7d", t)
	}
	n, err := strconv.Atoi(m[1])
	if err != nil || time.Duration(n) > 100*365*24*time.Hour/spanUnits[m[2]] {
		return 0, fmt.Errorf("%q is too long", t)
	}
	return time.Duration(n) * spanUnits[m[2]], nil
}

// SpanText writes a time as ParseSpan reads it, in the largest unit that is whole.
func SpanText(d time.Duration) string {
	for _, u := range []string{"d", "h", "m", "s"} {
		if d >= spanUnits[u] && d%spanUnits[u] == 0 {
			return fmt.Sprintf("%d%s", d/spanUnits[u], u)
		}
	}
	return fmt.Sprintf("%dms", d/time.Millisecond)
}

// Texts is a list of texts; one text counts as a list of it.
func (s *Section) Texts(key string) []string {
	v := s.value(key)
	switch {
	case v == nil:
		return nil
	case v.Kind == yaml.ScalarNode:
		return []string{v.Value}
	case v.Kind != yaml.SequenceNode:
		s.Mistake(key, "should be a list of texts")
		return nil
	}
	var out []string
	for _, e := range v.Content {
		if e.Kind != yaml.ScalarNode {
			s.Mistake(key, "should be a list of texts")
			return nil
		}
		out = append(out, e.Value)
	}
	return out
}

// TextMap is a mapping of texts to texts.
func (s *Section) TextMap(key string) map[string]string {
	sub := s.Section(key)
	if sub == nil {
		return nil
	}
	out := map[string]string{}
	for i := 0; i+1 < len(sub.node.Content); i += 2 {
		k := sub.node.Content[i].Value
		out[k] = sub.Text(k)
	}
	return out
}

// SecretMap is a TextMap whose values are secrets.
func (s *Section) SecretMap(key string) map[string]string {
	sub := s.Section(key)
	if sub == nil {
		return nil
	}
	out := map[string]string{}
	for i := 0; i+1 < len(sub.node.Content); i += 2 {
		k := sub.node.Content[i].Value
		out[k] = sub.Secret(k)
	}
	return out
}

// Section is the mapping of a key; nil if it is absent. Close has to be called when
// everything was read.
func (s *Section) Section(key string) *Section {
	v := s.value(key)
	if v == nil {
		return nil
	}
	return newSection(s.path+"."+key, v, s.under)
}

// Each calls f for each named section of a key, in the order of the document.
func (s *Section) Each(key string, f func(name string, s *Section)) {
	sub := s.Section(key)
	if sub == nil {
		return
	}
	for i := 0; i+1 < len(sub.node.Content); i += 2 {
		name := sub.node.Content[i].Value
		f(name, newSection(sub.path+"."+name, sub.node.Content[i+1], s.under))
	}
}

// Close records keys that nobody has asked for as mistakes.
func (s *Section) Close() {
	if s == nil {
		return
	}
	for i := 0; i+1 < len(s.node.Content); i += 2 {
		if k := s.node.Content[i]; !s.used[k.Value] {
			s.fail(k.Line, s.path+"."+k.Value, fmt.Sprintf("is no setting; there are %s", strings.Join(slices.Sorted(maps.Keys(s.used)), ", ")))
		}
	}
}
