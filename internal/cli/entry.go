package cli

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// entryOf is the text of one entry of a section of a YAML document, with what comments
// it has; "" if it is not there.
func entryOf(document, section, key string) string {
	var root yaml.Node
	if yaml.Unmarshal([]byte(document), &root) != nil || len(root.Content) == 0 {
		return ""
	}
	_, value := member(root.Content[0], section)
	name, entry := member(value, key)
	if entry == nil {
		return ""
	}
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if e.Encode(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{name, entry}}) != nil {
		return ""
	}
	return b.String()
}

// member finds a key of a mapping, with its value.
func member(n *yaml.Node, key string) (name, value *yaml.Node) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i], n.Content[i+1]
		}
	}
	return nil, nil
}
