package deliver

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// mostNodes bounds a document without its aliases.
const mostNodes = 100_000

// withoutAliases puts what aliases stand for in their places, so that a part of the
// document can be kept by itself. most is how many nodes there may be; false: there are
// more.
func withoutAliases(n *yaml.Node, most *int) bool {
	if *most--; *most < 0 {
		return false
	}
	n.Anchor = ""
	for i, c := range n.Content {
		for c.Kind == yaml.AliasNode {
			c = c.Alias
		}
		own := *c
		own.Content = slices.Clone(c.Content)
		n.Content[i] = &own
		if !withoutAliases(&own, most) {
			return false
		}
	}
	return true
}

// addressKeys are the settings that say where a destination is.
var addressKeys = []string{"url", "endpoint", "server", "servers", "brokers"}

// sameAddress reports whether two definitions of a destination, as YAML, lead to the same
// place.
func sameAddress(a, b string) bool {
	return maps.Equal(addressesOf(a), addressesOf(b))
}

// addressesOf are the settings of a definition that say where it leads, by their paths.
func addressesOf(text string) map[string]string {
	out := map[string]string{}
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil {
		return out
	}
	var walk func(path string, n *yaml.Node)
	walk = func(path string, n *yaml.Node) {
		if n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, v := n.Content[i].Value, n.Content[i+1]
			if slices.Contains(addressKeys, key) {
				out[path+key] = v.Value
				for _, one := range v.Content {
					out[path+key] += " " + one.Value
				}
			}
			walk(path+key+".", v)
		}
	}
	for _, n := range doc.Content {
		walk("", n)
	}
	return out
}
