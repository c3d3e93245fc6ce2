package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// leastMemory is what caches and filters need to be of any use.
const leastMemory = 64 << 20

// idPattern is what the IDs of spaces and sources look like: they stand in URLs.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// checker looks at what was read as a whole. place says where a path was set,
// failed whether its value could not be read, which was reported already.
type checker struct {
	place    func(path string) string
	failed   func(path string) bool
	mistakes *Mistakes
}

func (c *checker) wrong(path, format string, args ...any) {
	if c.failed(path) {
		return
	}
	c.mistakes.add(c.place(path), "%s %s", path, fmt.Sprintf(format, args...))
}

func (c *checker) config(cfg *Config) {
	if host, port, err := net.SplitHostPort(cfg.Listen); err != nil {
		c.wrong("listen", "is %q; write host:port, such as 127.0.0.1:8080, or :8080 for every network interface", cfg.Listen)
	} else if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 || strings.ContainsAny(host, " /") {
		c.wrong("listen", "is %q; the port is a number from 1 to 65535 (0 picks a free one)", cfg.Listen)
	}
	if cfg.StoreConnections < 2 {
		c.wrong("store_connections", "is %d; a node needs at least 2 connections to the database", cfg.StoreConnections)
	}
	if cfg.Data == "" && cfg.Store == "" {
		c.wrong("data", "is empty; name the directory that keeps the data")
	}
	if cfg.AdminToken != "" {
		c.token("admin_token", cfg.AdminToken, cfg.Listen, "; or leave it out, and one is made at the first start")
	}
	if cfg.MetricsToken != "" {
		c.token("metrics_token", cfg.MetricsToken, cfg.Listen, "")
	}
	if u, err := url.Parse(cfg.PublicURL); cfg.PublicURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		c.wrong("public_url", "is %q; write the address that clients use, such as https://events.example.com", cfg.PublicURL)
	}
	if cfg.Memory < leastMemory {
		c.wrong("memory", "is %s; give at least %s", cfg.Memory, Bytes(leastMemory))
	}
	if cfg.ProfileRate < 0 {
		c.wrong("profile_rate", "is %d; give the requests per second of one token, or 0 for no limit", cfg.ProfileRate)
	}
	c.spaces(cfg)
}

func (c *checker) spaces(cfg *Config) {
	spaces := map[string]string{}  // ID → path
	tokens := map[string]string{}  // token → path
	sources := map[string]string{} // write key → path of its first declaration
	first := map[string]Source{}   // write key → its first declaration
	if cfg.AdminToken != "" {
		tokens[cfg.AdminToken] = "admin_token"
	}
	for i, s := range cfg.Spaces {
		path := fmt.Sprintf("spaces[%d]", i)
		if c.id(path+".id", s.ID) {
			c.once(spaces, s.ID, path+".id", "names the same space as")
		}
		keys := map[string]string{}
		ids := map[string]string{}
		for j, src := range s.Sources {
			at := fmt.Sprintf("%s.sources[%d]", path, j)
			if c.id(at+".id", src.ID) {
				c.once(ids, src.ID, at+".id", "names the same source as")
			}
			if src.WriteKey == "" {
				c.wrong(at+".write_key", "is missing; write the key that the source's events come with")
				continue
			}
			if !c.secret(at+".write_key", src.WriteKey) || !c.once(keys, src.WriteKey, at+".write_key", "is the same as") {
				continue
			}
			c.formerKeys(at, src)
			if one, ok := first[src.WriteKey]; !ok {
				first[src.WriteKey], sources[src.WriteKey] = src, at
			} else if one.ID != src.ID {
				c.wrong(at+".write_key", "is the key of source %s (%s); a source that feeds several spaces has one id in all of them", one.ID, c.place(sources[src.WriteKey]))
			}
		}
		names := map[string]string{}
		for j, t := range s.Tokens {
			at := fmt.Sprintf("%s.tokens[%d]", path, j)
			if t.Name == "" {
				c.wrong(at+".name", "is missing; say who uses the token")
			} else {
				c.once(names, t.Name, at+".name", "is the same as")
			}
			if t.Token == "" {
				c.wrong(at+".token", "is missing; write the token itself")
			} else if c.secret(at+".token", t.Token) {
				c.once(tokens, t.Token, at+".token", "is the same as")
			}
		}
		if s.Rules != nil {
			cfg.Remarks = append(cfg.Remarks, c.rules(path+".rules", *s.Rules)...)
		}
	}
}

// mostFormerKeys is how many former keys a source may have.
const mostFormerKeys = 10

// formerKeys checks the keys that a source had before.
func (c *checker) formerKeys(at string, src Source) {
	if n := len(src.FormerKeys); n > mostFormerKeys {
		c.wrong(at+".former_keys", "has %d keys; the limit is %d", n, mostFormerKeys)
	}
	seen := map[string]string{src.WriteKey: at + ".write_key"}
	for i, k := range src.FormerKeys {
		path := fmt.Sprintf("%s.former_keys[%d]", at, i)
		if k.WriteKey == "" {
			c.wrong(path+".write_key", "is missing; write the key that the source had before")
		} else if c.secret(path+".write_key", k.WriteKey) {
			c.once(seen, k.WriteKey, path+".write_key", "is the same as")
		}
		if k.Until.IsZero() {
			c.wrong(path+".until", "is missing; say until when the key is taken, such as until: 2027-01-31")
		}
	}
}

// rules lets identity judge the rules, and returns what it remarks on rules that
// are good.
func (c *checker) rules(path string, r identity.Rules) (remarks []Mistake) {
	rs, err := identity.Compile(r)
	for _, one := range flatten(err) {
		var m *identity.Mistake
		if !errors.As(one, &m) {
			m = &identity.Mistake{What: one.Error()}
		}
		if at := join(path, m.Where); !c.failed(at) {
			c.mistakes.add(c.place(at), "%s: %s", at, m.What)
		}
	}
	if err != nil {
		return nil
	}
	for _, m := range rs.Remarks() {
		at := join(path, m.Where)
		remarks = append(remarks, Mistake{c.place(at), at + ": " + m.What})
	}
	return remarks
}

// flatten takes joined errors apart.
func flatten(err error) []error {
	if err == nil {
		return nil
	}
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []error{err}
	}
	var out []error
	for _, one := range joined.Unwrap() {
		out = append(out, flatten(one)...)
	}
	return out
}

func (c *checker) id(path, id string) bool {
	switch {
	case id == "":
		c.wrong(path, "is missing")
	case !idPattern.MatchString(id):
		c.wrong(path, "is %q; write letters, digits, - _ and . only, 64 at most, a letter or digit first", id)
	default:
		return true
	}
	return false
}

// secret checks a token or key: it has to pass through the user name of HTTP
// Basic authentication, which ends at a colon, and through URLs. It is not
// repeated in the message.
func (c *checker) secret(path, s string) bool {
	if len(s) < 4 || len(s) > 200 || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == ':' || r == '/' || r > '~' }) {
		c.wrong(path, "cannot be used; write 4 to 200 ASCII characters, no spaces, colons or slashes")
		return false
	}
	return true
}

// token is secret, and refuses one that can be guessed where others can try.
func (c *checker) token(path, token, listen, instead string) {
	if c.secret(path, token) && !isLoopback(listen) && isWeak(token) {
		c.wrong(path, "is too easy to guess for a server that others can reach (listen is %s); use at least %d random characters, such as `openssl rand -hex 24` makes%s", listen, leastToken, instead)
	}
}

// once notes where a value was set first and complains about the second.
func (c *checker) once(seen map[string]string, value, path, says string) bool {
	if at, twice := seen[value]; twice {
		c.wrong(path, "%s %s (%s)", says, at, c.place(at))
		return false
	}
	seen[value] = path
	return true
}
