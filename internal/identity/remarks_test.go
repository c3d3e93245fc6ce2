package identity_test

import (
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
)

func TestRemarks(t *testing.T) {
	const before = " names a device or a cookie and goes before user_id, "
	for _, c := range []struct {
		rules string
		want  []string // how each remark starts
	}{
		{``, nil},
		{`{order: arrival, max_merges: 5}`, nil},
		{`max_merges: 5`, []string{"max_merges: has no effect unless order is arrival"}},
		{`identifiers: [{type: user_id}, {type: anonymous_id}, {type: app_id, key: app_id}]`, nil},
		{`identifiers: [{type: app_id, key: app_id}, {type: ios.id}]`, []string{"identifiers[1].type: ios.id" + before + "because that is not listed"}},
		{`identifiers: [{type: anonymous_id}, {type: user_id}]`, []string{"identifiers[0].type: anonymous_id" + before + "and is listed below"}},
		{`identifiers: [{type: phone}]`, []string{"identifiers[0].key: without a key phone is found in context.externalIds only"}},
	} {
		got := compile(t, read(t, c.rules)).Remarks()
		if len(got) != len(c.want) {
			t.Errorf("%s: %v", c.rules, got)
			continue
		}
		for i := range got {
			if !strings.HasPrefix(got[i].Error(), c.want[i]) {
				t.Errorf("%s\n got %s\nwant %s", c.rules, got[i].Error(), c.want[i])
			}
		}
	}
	if got := compile(t, identity.Rules{}).Remarks(); got != nil {
		t.Errorf("%v", got)
	}
}
