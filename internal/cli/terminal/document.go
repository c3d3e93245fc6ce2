package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/safetext"
)

// JSON is a value as JSON for programs, indented. A list without entries is [].
func JSON(v any) ([]byte, error) {
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice && list.IsNil() {
		if _, raw := v.(json.RawMessage); !raw {
			v = []struct{}{}
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return safetext.JSON(b.Bytes()), nil
}

// YAML is a document that can be read again. Text with characters that nobody sees
// is quoted and has them as escapes.
func YAML(v any) ([]byte, error) {
	var doc yaml.Node
	if err := doc.Encode(v); err != nil {
		return nil, err
	}
	escapes := map[rune]bool{}
	quoteHidden(&doc, escapes)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&doc); err != nil {
		return nil, err
	}
	if err := e.Close(); err != nil {
		return nil, err
	}
	text := b.Bytes()
	for r := range escapes {
		escape := fmt.Sprintf(`\u%04X`, r)
		if r > 0xffff {
			escape = fmt.Sprintf(`\U%08X`, r)
		}
		text = bytes.ReplaceAll(text, []byte(string(r)), []byte(escape))
	}
	return text, nil
}

// quoteHidden has text with hidden characters written in double quotes, where
// escapes mean something, and collects these characters.
func quoteHidden(n *yaml.Node, escapes map[rune]bool) {
	if n.Kind == yaml.ScalarNode && safetext.Hidden(n.Value) {
		n.Style = yaml.DoubleQuotedStyle
		for _, r := range n.Value {
			if r != '\n' && r != '\t' && safetext.Hidden(string(r)) {
				escapes[r] = true
			}
		}
	}
	for _, child := range n.Content {
		quoteHidden(child, escapes)
	}
}
