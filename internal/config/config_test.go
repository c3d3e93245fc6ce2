package config

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// load writes text to a file and loads it. Files are called f.yaml in mistakes.
func load(t *testing.T, text string, env, flags map[string]string) (Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("f.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(Origins{File: "f.yaml", Flags: flags, Env: func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}})
}

func TestTheFileOfTheIssue(t *testing.T) {
	cfg, err := load(t, `
admin_token: adm_long_enough_1
listen: :9090
memory: 1GiB
dedupe_window: 7d
spaces:
  - id: dev
    name: Development
    sources: [{id: ios-app, name: SegKicks iOS, write_key: wk_dev_1}]
    tokens:  [{name: backend, token: tok_dev_1}]
    rules:
      order: person_first
      alias: ignore
      max_merges: 100
      exclude: [{type: email, event: Invitation Sent}]
      max_identifiers: 1000
      defaults: {limit: 5, window: ever, blocked: ["-1", "null", -2], blocked_patterns: ["^[0-]*$"]}
      identifiers:
        - {type: user_id, limit: 1, window: ever}
        - {type: app_id, key: app_id, limit: 1}
        - {type: anonymous_id, limit: 5, window: weekly, blocked: ["test"]}
  - id: prod
    sources: [{id: ios-app, name: SegKicks iOS, write_key: wk_dev_1}, {id: web, write_key: wk_web_1}]
`, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.AdminToken, want.Listen, want.Memory, want.DedupeWindow = "adm_long_enough_1", ":9090", 1<<30, Duration(7*24*time.Hour)
	ios := Source{ID: "ios-app", Name: "SegKicks iOS", WriteKey: "wk_dev_1"}
	want.Spaces = []Space{{
		ID: "dev", Name: "Development",
		Sources: []Source{ios},
		Tokens:  []Token{{Name: "backend", Token: "tok_dev_1"}},
		Rules: &identity.Rules{
			Order: "person_first", Alias: "ignore", MaxMerges: 100, MaxIdentifiers: 1000,
			Exclude:  []identity.Exclusion{{Type: "email", Event: "Invitation Sent"}},
			Defaults: &identity.Defaults{Limit: 5, Window: "ever", Blocked: []string{"-1", "null", "-2"}, BlockedPatterns: []string{"^[0-]*$"}},
			Identifiers: []identity.Identifier{
				{Type: "user_id", Limit: 1, Window: "ever"},
				{Type: "app_id", Key: "app_id", Limit: 1},
				{Type: "anonymous_id", Limit: 5, Window: "weekly", Blocked: []string{"test"}},
			},
		},
	}, {ID: "prod", Sources: []Source{ios, {ID: "web", WriteKey: "wk_web_1"}}}}
	if len(cfg.Remarks) != 1 || cfg.Remarks[0].Where != "f.yaml:14" {
		t.Errorf("remarks: %v", cfg.Remarks)
	}
	cfg.Remarks = nil
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("got  %+v\nwant %+v", cfg, want)
	}
}

func TestFlagsGoBeforeEnvironmentBeforeFile(t *testing.T) {
	cfg, err := load(t, "listen: 1.1.1.1:1\ndata: file\nmemory: 1GiB\n",
		map[string]string{"SELFSAME_LISTEN": "2.2.2.2:2", "SELFSAME_DATA": "env", "SELFSAME_ADMIN_TOKEN": "secret_kept_by_few"},
		map[string]string{"listen": "3.3.3.3:3"})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "3.3.3.3:3" || cfg.Data != "env" || cfg.Memory != 1<<30 || cfg.AdminToken != "secret_kept_by_few" {
		t.Errorf("got %+v", cfg)
	}
}

func TestNothingSetGivesTheDefaults(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "listen:\nspaces:\n", "---\n"} {
		cfg, err := load(t, text, nil, nil)
		if err != nil || !reflect.DeepEqual(cfg, Default()) {
			t.Errorf("%q gives %+v, %v", text, cfg, err)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := load(t, `lisen: 1.1.1.1:1
admin_token: "two words"
memory: [1]
profile_rate: many
profile_rate: 2
spaces:
  - id: "../x"
    sources:
      - {id: web, writekey: wk_1}
      - {id: web, write_key: wk_2}
      - {id: app, write_key: wk_2}
    tokens: [{name: a, token: tok_1}, {name: a, token: tok_1}, {token: [x]}]
  - id: dev
    sources: {id: web}
    rules:
      max_merges: 0
      identifiers:
        - type: user_id
          limit: one
  - name: no id
    sources: [{id: other, write_key: wk_2}]
`, map[string]string{"SELFSAME_DEDUPE_WINDOW": "soon"}, map[string]string{"listen": "nowhere"})
	var m *Mistakes
	if !errors.As(err, &m) {
		t.Fatalf("got %v", err)
	}
	want := []string{
		`SELFSAME_DEDUPE_WINDOW: dedupe_window: "soon" is not a length of time`,
		`--listen: listen is "nowhere"`,
		`f.yaml:1: there is no key lisen; did you mean listen?`,
		`f.yaml:2: admin_token cannot be used`,
		`f.yaml:3: memory is a list`,
		`f.yaml:4: profile_rate is "many"; write a whole number`,
		`f.yaml:5: profile_rate is set twice, first in line 4`,
		`f.yaml:7: spaces[0].id is "../x"`,
		`f.yaml:9: there is no key spaces[0].sources[0].writekey; did you mean write_key?`,
		`f.yaml:10: spaces[0].sources[1].id names the same source as spaces[0].sources[0].id (f.yaml:9)`,
		`f.yaml:11: spaces[0].sources[2].write_key is the same as spaces[0].sources[1].write_key (f.yaml:10)`,
		`f.yaml:12: spaces[0].tokens[2].token is a list`,
		`f.yaml:12: spaces[0].tokens[1].name is the same as`,
		`f.yaml:12: spaces[0].tokens[1].token is the same as`,
		`f.yaml:12: spaces[0].tokens[2].name is missing`,
		`f.yaml:14: spaces[1].sources is a set of keys; write a list`,
		`f.yaml:16: spaces[1].rules.max_merges is 0`,
		`f.yaml:19: spaces[1].rules.identifiers[0].limit is "one"`,
		`f.yaml:20: spaces[2].id is missing`,
		`f.yaml:21: spaces[2].sources[0].write_key is the key of source web (f.yaml:10)`,
	}
	for i, one := range m.List {
		got := one.Where + ": " + one.What
		if i >= len(want) || !strings.HasPrefix(got, want[i]) {
			t.Errorf("mistake %d: %s", i, got)
		}
	}
	if len(m.List) != len(want) {
		t.Errorf("%d mistakes, want %d:\n%v", len(m.List), len(want), err)
	}
	if strings.Contains(err.Error(), "two words") || strings.Contains(err.Error(), "wk_2") {
		t.Error("a secret is repeated in the message")
	}
}

func TestWhatIsNotYAML(t *testing.T) {
	for text, where := range map[string]string{
		"a: b: c\n":                     "f.yaml:1: this is not YAML",
		"listen: x\n\tdata: y\n":        "f.yaml:2: this is not YAML",
		"- a\n":                         "f.yaml:1: the file is a list",
		"listen: :1\n---\nlisten: :2\n": "f.yaml:2: a second document",
	} {
		_, err := load(t, text, nil, nil)
		if err == nil || !strings.Contains(err.Error(), where) {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, err := Load(Origins{File: filepath.Join(t.TempDir(), "none.yaml"), Env: os.LookupEnv})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestRulesDocument(t *testing.T) {
	r, remarks, err := ReadRules("r.yaml", []byte("order: arrival\nmax_merges: 7\n"))
	if err != nil || len(remarks) > 0 || r.Order != "arrival" || r.MaxMerges != 7 {
		t.Errorf("got %+v, %v", r, err)
	}
	_, _, err = ReadRules("r.yaml", []byte("order: arrival\n\nidentifiers:\n  - typ: user_id\n"))
	if err == nil || !strings.Contains(err.Error(), "r.yaml:4: there is no key identifiers[0].typ; did you mean type?") {
		t.Errorf("got %v", err)
	}
	_, _, err = ReadRules("r.yaml", []byte("order: backwards\nidentifiers:\n  - type: email\n  - type: user_id\n    window: hourly\n"))
	if err == nil || !strings.Contains(err.Error(), "r.yaml:1: order: ") || !strings.Contains(err.Error(), "r.yaml:5: identifiers[1].window: ") {
		t.Errorf("got %v", err)
	}
	_, remarks, err = ReadRules("r.yaml", []byte("identifiers:\n  - type: anonymous_id\n  - type: user_id\n"))
	if err != nil || len(remarks) != 1 || remarks[0].Where != "r.yaml:2" {
		t.Errorf("got %v, %v", remarks, err)
	}
}

func TestSizesAndTimes(t *testing.T) {
	for text, want := range map[string]Bytes{"512MiB": 512 << 20, "1.5 gib": 3 << 29, "10kb": 10_000, "7b": 7} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%s is %d, %v", text, b, err)
		}
		var again Bytes
		if err := again.UnmarshalText([]byte(b.String())); err != nil || again != b {
			t.Errorf("%s comes back from %s as %d, %v", text, b, again, err)
		}
	}
	for _, text := range []string{"", "12", "-1MiB", "xMiB", "99999999999TiB", "NaNb"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for %d bytes", text, b)
		}
	}
	for text, want := range map[string]time.Duration{"7d": 168 * time.Hour, "90s": 90 * time.Second, "1h30m": 90 * time.Minute} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%s is %s, %v", text, d, err)
		}
	}
}

func TestFormerKeys(t *testing.T) {
	cfg, err := load(t, `
spaces:
  - id: dev
    sources:
      - {id: ios, write_key: wk_new_1, former_keys: [{write_key: wk_old_1, until: 2027-01-31}, {write_key: wk_old_2, until: "2027-02-01T12:00:00+02:00"}]}
`, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []FormerKey{
		{"wk_old_1", Moment{time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)}},
		{"wk_old_2", Moment{time.Date(2027, 2, 1, 10, 0, 0, 0, time.UTC)}},
	}
	if got := cfg.Spaces[0].Sources[0].FormerKeys; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	_, err = load(t, `
spaces:
  - id: dev
    sources:
      - id: ios
        write_key: wk_new_1
        former_keys:
          - {write_key: wk_new_1, until: 2027-01-31}
          - {until: 2027-01-31}
          - {write_key: wk_old_1}
          - {write_key: "wk old", until: 31.1.2027}
          - {write_key: wk_old_2, until: 0001-01-01}
`, nil, nil)
	for _, say := range []string{
		"former_keys[0].write_key is the same as spaces[0].sources[0].write_key", "former_keys[1].write_key is missing", "former_keys[2].until is missing",
		"former_keys[3].write_key cannot be used", `"31.1.2027" is not a time`, `"0001-01-01" is not a time`,
	} {
		if err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q is not in %v", say, err)
		}
	}
}
