package deliver

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// CheckNames looks that the destinations of a document name only traits and audiences
// that the same document defines, for nothing would ever be said of others. Mistakes of
// another kind are left to Parse. The error is Mistakes.
func CheckNames(text []byte) error {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil || len(doc.Content) == 0 {
		return nil
	}
	root := doc.Content[0]
	defined := func(class string) map[string]bool {
		keys := map[string]bool{}
		each(root, class, func(key string, _ *yaml.Node) { keys[key] = true })
		return keys
	}
	traits, audiences := defined("traits"), defined("audiences")
	var m mistakes
	look := func(path string, names *yaml.Node, what string, known map[string]bool) {
		list := []*yaml.Node{names}
		if names != nil && names.Kind == yaml.SequenceNode {
			list = names.Content
		} else if names == nil || names.Value == "all" {
			return
		}
		for _, n := range list {
			if n.Kind == yaml.ScalarNode && keyForm.MatchString(n.Value) && !known[n.Value] {
				m.list = append(m.list, Mistake{n.Line, path, fmt.Sprintf("names %s, but the document defines no such %s", n.Value, what)})
			}
		}
	}
	each(root, "destinations", func(key string, d *yaml.Node) {
		path := "destinations." + key
		send := under(d, "send")
		look(path+".send.traits", under(send, "traits"), "computed trait", traits)
		look(path+".send.audiences", under(send, "audiences"), "audience", audiences)
		each(under(d, "email"), "mails", func(name string, mail *yaml.Node) {
			look(strings.Join([]string{path, "email.mails", name, "audience"}, "."), under(mail, "audience"), "audience", audiences)
		})
	})
	return m.err()
}

// each calls f with the entries of a mapping that stands under a key of another one.
func each(of *yaml.Node, key string, f func(key string, value *yaml.Node)) {
	if in := under(of, key); in != nil && in.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(in.Content); i += 2 {
			f(in.Content[i].Value, in.Content[i+1])
		}
	}
}

// under is what stands under a key of a mapping; nil if nothing does.
func under(of *yaml.Node, key string) *yaml.Node {
	if of == nil || of.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(of.Content); i += 2 {
		if of.Content[i].Value == key {
			return of.Content[i+1]
		}
	}
	return nil
}
