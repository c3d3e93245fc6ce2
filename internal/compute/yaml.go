package compute

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader walks through the nodes of a document and notes what is wrong.
type reader struct{ mistakes }

// object calls the function of each member; a member without one is a mistake. Order
// is that of the text.
func (r *reader) object(n *yaml.Node, path string, fields map[string]func(n *yaml.Node, path string)) bool {
	names := func() string { return strings.Join(slices.Sorted(maps.Keys(fields)), ", ") }
	if n.Kind != yaml.MappingNode {
		r.add(n.Line, path, "this is %s; write an object with any of: %s", describeNode(n), names())
		return false
	}
	r.members(n, path, func(name string, value *yaml.Node, path string, line int) {
		f, known := fields[name]
		if !known {
			r.add(line, path, "this field is not known here; there are: %s", names())
			return
		}
		f(value, path)
	})
	return true
}

// members calls f for every member of an object.
func (r *reader) members(n *yaml.Node, path string, f func(name string, value *yaml.Node, path string, line int)) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		switch {
		case key.Kind != yaml.ScalarNode:
			r.add(key.Line, path, "a key must be a plain word")
		case seen[key.Value]:
			r.add(key.Line, at, "this is there twice")
		case value.Kind == yaml.AliasNode || value.Anchor != "":
			r.add(value.Line, at, "anchors and aliases are not read; write the value out")
		default:
			f(key.Value, value, at, key.Line)
		}
		seen[key.Value] = true
	}
}

func describeNode(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "an object"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "empty"
	case n.Tag == "!!bool":
		return "a boolean"
	case n.Tag == "!!int" || n.Tag == "!!float":
		return "a number"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	}
	return "text"
}

// longestText bounds every text of a document, in bytes.
const longestText = 4096

// text reads text into to. Numbers and booleans are taken as they are written.
func (r *reader) text(to *string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		switch {
		case n.Kind != yaml.ScalarNode || n.Tag == "!!null":
			r.add(n.Line, path, "this is %s; write text", describeNode(n))
		case len(n.Value) > longestText:
			r.add(n.Line, path, "this has %d bytes, the limit is %d", len(n.Value), longestText)
		default:
			*to = strings.TrimSpace(n.Value)
			if *to == "" {
				r.add(n.Line, path, "this is empty; write something or leave the field out")
			}
		}
	}
}

// texts reads text or a list of texts.
func (r *reader) texts(to *[]string) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		*to = nil
		list := []*yaml.Node{n}
		if n.Kind == yaml.SequenceNode {
			if list = n.Content; len(list) == 0 {
				r.add(n.Line, path, "the list is empty; write something or leave the field out")
			}
		}
		if len(list) > 1000 {
			r.add(n.Line, path, "the list has %d entries, the limit is 1000", len(list))
			return
		}
		for i, one := range list {
			at := path
			if n.Kind == yaml.SequenceNode {
				at += "[" + strconv.Itoa(i) + "]"
			}
			var s string
			r.text(&s)(one, at)
			*to = append(*to, s)
		}
	}
}

func (r *reader) boolean(to *bool) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" || n.Decode(to) != nil {
			r.add(n.Line, path, "this is %s; write true or false", describeNode(n))
		}
	}
}

// whole reads a whole number between least and most.
func (r *reader) whole(to *int, least, most int) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		v, err := strconv.Atoi(n.Value)
		if n.Kind != yaml.ScalarNode || n.Tag != "!!int" || err != nil || v < least || v > most {
			r.add(n.Line, path, "write a whole number from %d to %d", least, most)
			return
		}
		*to = v
	}
}

func (r *reader) duration(to *time.Duration, least, most time.Duration) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		d, ok := ParseDuration(n.Value)
		if n.Kind != yaml.ScalarNode || !ok || d < least || d > most {
			r.add(n.Line, path, "write a time from %s to %s, such as 30m, 12h or 90d", FormatDuration(least), FormatDuration(most))
			return
		}
		*to = d
	}
}

// word reads one of several words.
func word[T ~string](r *reader, to *T, words ...T) func(*yaml.Node, string) {
	return func(n *yaml.Node, path string) {
		if n.Kind != yaml.ScalarNode || !slices.Contains(words, T(n.Value)) {
			list := make([]string, len(words))
			for i, w := range words {
				list[i] = string(w)
			}
			r.add(n.Line, path, "write one of: %s", strings.Join(list, ", "))
			return
		}
		*to = T(n.Value)
	}
}
