package config

import (
	"net/netip"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// Config is everything that can be set. The yaml tags are the keys of the file.
type Config struct {
	Listen     string   `yaml:"listen"`      // address of the one listener
	Data       string   `yaml:"data"`        // directory of the embedded store
	Store      StoreURL `yaml:"store"`       // database that several nodes share; "": the embedded store in Data
	AdminToken string   `yaml:"admin_token"` // of the management API; "": one is made at the first start
	PublicURL  string   `yaml:"public_url"`  // where clients reach the server; "": as they asked for it
	LogLevel   LogLevel `yaml:"log_level"`

	// Hosts are further names under which a browser on this machine may ask.
	Hosts Names `yaml:"hosts"`
	// TrustedProxies are whose word is taken about who sent a request, and how.
	TrustedProxies Networks `yaml:"trusted_proxies"`
	// MetricsToken opens /metrics for who is not on this machine; "": only the
	// admin token does.
	MetricsToken string `yaml:"metrics_token"`

	// AllowPrivate are networks that destinations may connect to although they are not
	// public.
	AllowPrivate Networks `yaml:"allow_private"`
	// Deliveries is the directory of the files that destinations write.
	Deliveries string `yaml:"deliveries"`

	// Memory is what caches and filters of all spaces and the store may take
	// together. The process takes more: what requests in flight need.
	Memory Bytes `yaml:"memory"`

	// StoreConnections is how many connections to the database a node may hold.
	StoreConnections int `yaml:"store_connections"`

	// DedupeWindow is how long a messageId counts once.
	DedupeWindow Duration `yaml:"dedupe_window"`

	// ProfileRate is how many Profile API requests a token may make in a
	// second; 0 sets no limit.
	ProfileRate int `yaml:"profile_rate"`

	Spaces []Space `yaml:"spaces"`

	// Remarks are what is allowed in the declared rules and may still not be
	// meant.
	Remarks []Mistake `yaml:"-"`
}

// Space declares a space. What the file does not declare is left alone, so nil
// Rules mean the rules that the space has already.
type Space struct {
	ID      string          `yaml:"id"`
	Name    string          `yaml:"name"`
	Sources []Source        `yaml:"sources"`
	Tokens  []Token         `yaml:"tokens"`
	Rules   *identity.Rules `yaml:"rules"`

	// Definitions names the file with the definitions of computed traits, audiences and
	// destinations, relative to the configuration file; "": they are not declared.
	// Loading resolves it, and reads DefinitionsText from it.
	Definitions     string `yaml:"definitions"`
	DefinitionsText []byte `yaml:"-"`
}

// Source declares where events come from. A write key that is declared in
// several spaces, with the same ID in each, is one source that feeds them all.
type Source struct {
	ID       string `yaml:"id"`
	Name     string `yaml:"name"`
	WriteKey string `yaml:"write_key"`

	// FormerKeys are write keys that it had before and that apps still send with.
	FormerKeys []FormerKey `yaml:"former_keys"`
}

// FormerKey is a write key that is taken for some time yet.
type FormerKey struct {
	WriteKey string `yaml:"write_key"`
	Until    Moment `yaml:"until"`
}

// Token declares an access token of a space's Profile API.
type Token struct {
	Name  string `yaml:"name"`
	Token string `yaml:"token"`
}

// Default returns the configuration that holds where nothing is set.
func Default() Config {
	return Config{
		Listen:   "127.0.0.1:8080",
		Data:     "./selfsame-data",
		LogLevel: LevelInfo,
		Memory:   1 << 30,

		TrustedProxies: Networks{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},

		Deliveries: "./selfsame-deliveries",

		StoreConnections: 16,
		DedupeWindow:     Duration(24 * time.Hour),
		ProfileRate:      50_000,
	}
}
