package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/safetext"
)

// jsonFlag adds --json.
func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print JSON, for programs")
}

// json prints a value for programs; people can read it too. A list without
// entries is [].
func (sh *shell) json(v any) error {
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
		return err
	}
	_, err := sh.out.Write(safetext.JSON(b.Bytes()))
	return err
}

// yaml prints a document that can be read again. Text with characters that
// nobody sees is quoted and has them as escapes.
func (sh *shell) yaml(v any) error {
	var doc yaml.Node
	if err := doc.Encode(v); err != nil {
		return err
	}
	escapes := map[rune]bool{}
	quoteHidden(&doc, escapes)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&doc); err != nil {
		return err
	}
	if err := e.Close(); err != nil {
		return err
	}
	text := b.Bytes()
	for r := range escapes {
		escape := fmt.Sprintf(`\u%04X`, r)
		if r > 0xffff {
			escape = fmt.Sprintf(`\U%08X`, r)
		}
		text = bytes.ReplaceAll(text, []byte(string(r)), []byte(escape))
	}
	_, err := sh.out.Write(text)
	return err
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
