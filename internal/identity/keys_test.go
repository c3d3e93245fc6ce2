package identity

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestKeyForms(t *testing.T) {
	for key, want := range map[string]string{
		"phone":          "phone",
		"app_id":         "app_id appId",
		"appId":          "appId app_id",
		"AppID":          "AppID app_id appId",
		"appID":          "appID app_id appId",
		"APIKey":         "APIKey api_key apiKey",
		"crm_number_2":   "crm_number_2 crmNumber2",
		"line2Id":        "line2Id line2_id",
		"_id":            "_id",
		"a__b":           "a__b",
		"__":             "__",
		"loyalty-cardNo": "loyalty-cardNo",
		"crm.idNo":       "crm.idNo",
		"straßenNummer":  "straßenNummer straßen_nummer",
	} {
		if got := keyForms(key); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s: %q, want %s", key, got, want)
		}
	}
}

// TestKeyFormsBelongTogether: a key in snake_case is looked for under the same
// names when it is configured in camelCase.
func TestKeyFormsBelongTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snake := rapid.StringMatching(`[a-z]{2,4}(_[a-z]{2,4}){0,3}`).Draw(t, "key")
		forms := keyForms(snake)
		back := keyForms(forms[len(forms)-1])
		slices.Sort(forms)
		slices.Sort(back)
		if !slices.Equal(forms, back) {
			t.Fatalf("%q and %q", forms, back)
		}
	})
}
