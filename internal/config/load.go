package config

import (
	"fmt"
	"os"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// settings are what the environment and flags can set too: everything but the
// spaces. The name of the variable is SELFSAME_ and the key in upper case, the
// flag is the key with dashes.
var settings = []struct {
	key, env string
}{
	{"listen", "SELFSAME_LISTEN"},
	{"data", "SELFSAME_DATA"},
	{"store", "SELFSAME_STORE"},
	{"store_connections", "SELFSAME_STORE_CONNECTIONS"},
	{"admin_token", "SELFSAME_ADMIN_TOKEN"},
	{"public_url", "SELFSAME_PUBLIC_URL"},
	{"log_level", "SELFSAME_LOG_LEVEL"},
	{"hosts", "SELFSAME_HOSTS"},
	{"trusted_proxies", "SELFSAME_TRUSTED_PROXIES"},
	{"metrics_token", "SELFSAME_METRICS_TOKEN"},
	{"allow_private", "SELFSAME_ALLOW_PRIVATE"},
	{"deliveries", "SELFSAME_DELIVERIES"},
	{"memory", "SELFSAME_MEMORY"},
	{"dedupe_window", "SELFSAME_DEDUPE_WINDOW"},
	{"profile_rate", "SELFSAME_PROFILE_RATE"},
}

// Origins are where a configuration comes from, the weakest first.
type Origins struct {
	File string // "": none

	// Env looks a variable up; os.LookupEnv outside tests.
	Env func(name string) (string, bool)

	// Flags are the flags that were given, by key (listen, data).
	Flags map[string]string
}

// Load reads the configuration. An error that is about what was set is a
// *Mistakes.
func Load(from Origins) (Config, error) {
	cfg := Default()
	d := newDecoder(from.File)
	if from.File != "" {
		data, err := os.ReadFile(from.File)
		if err != nil {
			return Config{}, fmt.Errorf("cannot read the configuration: %w", err)
		}
		d.document(data, &cfg)
	}
	outside := map[string]string{} // key → the variable or flag that set it
	strength := map[string]origin{}
	for _, key := range []string{"store", "data"} {
		if _, ok := d.lines[key]; ok {
			strength[key] = byFile
		}
	}
	for _, s := range settings {
		if v, ok := from.Env(s.env); ok && v != "" {
			outside[s.key], strength[s.key] = s.env, byEnvironment
			d.outside(s.key, s.env, v, &cfg)
		}
		if v, ok := from.Flags[s.key]; ok {
			outside[s.key], strength[s.key] = "--"+s.key, byFlag
			d.outside(s.key, "--"+s.key, v, &cfg)
		}
	}
	c := &checker{mistakes: d.mistakes, failed: d.hasFailed, place: func(path string) string {
		if where, ok := outside[path]; ok {
			return where
		}
		return d.line(path)
	}}
	c.home(&cfg, strength["store"], strength["data"])
	c.config(&cfg)
	c.definitions(&cfg, from.File)
	return cfg, d.mistakes.or()
}

// ReadRules reads a rules document, as `selfsame rules` prints it. name is what
// mistakes call the file. remarks are what is allowed and may still not be meant.
func ReadRules(name string, data []byte) (r identity.Rules, remarks []Mistake, err error) {
	d := newDecoder(name)
	d.mistakes.Of = "the rules"
	d.document(data, &r)
	c := &checker{place: d.line, failed: d.hasFailed, mistakes: d.mistakes}
	remarks = c.rules("", r)
	return r, remarks, d.mistakes.or()
}
