package compute

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// WithoutDestinations is a document without its destinations, which may hold secrets
// and are kept elsewhere. A document without any is returned as it is; else comments
// stay and the layout may change. The document must be one that Parse takes.
func WithoutDestinations(text []byte) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, Mistakes{{Line: lineOf(err), Reason: err.Error()}}
	}
	if root.Kind == 0 || root.Content[0].Kind != yaml.MappingNode {
		return text, nil
	}
	top := root.Content[0]
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value != "destinations" {
			continue
		}
		top.Content = append(top.Content[:i:i], top.Content[i+2:]...)
		if len(top.Content) == 0 {
			return nil, nil
		}
		var b bytes.Buffer
		e := yaml.NewEncoder(&b)
		e.SetIndent(2)
		err := e.Encode(&root)
		return b.Bytes(), err
	}
	return text, nil
}
