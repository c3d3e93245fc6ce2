package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"bytes"
	"maps"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/api"
	"github.com/selfsame-id/selfsame/internal/safetext"
)

// plainText is a screen that is no terminal, and what is written there.
func plainText() (*terminal.Screen, *bytes.Buffer) {
	var b bytes.Buffer
	return &terminal.Screen{Out: &b}, &b
}

func TestYAMLWithHiddenCharactersCanBeReadAgain(t *testing.T) {
	s, out := plainText()
	sh := &shell{out: s}
	doc := map[string]string{"plain": "zoë", "turned": "a\u202eb\U000e0041", "lines": "one\ntwo\u200b\n"}
	if err := sh.yaml(doc); err != nil {
		t.Fatal(err)
	}
	if safetext.Hidden(out.String()) || !strings.Contains(out.String(), "plain: zoë") {
		t.Errorf("printed\n%q", out)
	}
	var back map[string]string
	if err := yaml.Unmarshal(out.Bytes(), &back); err != nil || !maps.Equal(back, doc) {
		t.Errorf("%v: read again as %q", err, back)
	}
}

func TestListsWithoutEntriesAreLists(t *testing.T) {
	for _, v := range []any{[]string(nil), []api.Reject(nil), []string{}} {
		s, out := plainText()
		if err := (&shell{out: s}).json(v); err != nil || out.String() != "[]\n" {
			t.Errorf("%T is %q, %v", v, out, err)
		}
	}
}
