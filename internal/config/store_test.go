package config

import (
	"fmt"
	"strings"
	"testing"
)

func TestStoreOrData(t *testing.T) {
	const a, b = "postgres://u:geheim@h:1/a", "postgres://u:geheim@h:1/b"
	for _, c := range []struct {
		file       string
		env, flags map[string]string
		store      StoreURL
		data       string
		wrong      string
	}{
		{file: "store: " + a, store: a},
		{file: "store: " + a, flags: map[string]string{"data": "d"}, data: "d"},
		{file: "store: " + a, env: map[string]string{"SELFSAME_DATA": "d"}, flags: map[string]string{"store": b}, store: b},
		{file: "data: d", env: map[string]string{"SELFSAME_STORE": b}, store: b},
		{file: "data: d\nstore: " + a, env: map[string]string{"SELFSAME_STORE": b}, store: b},
		{file: "listen: :1\ndata: d\nstore: " + a, wrong: "f.yaml:3: store and data are both set (data at f.yaml:2)"},
		{flags: map[string]string{"data": "d", "store": b}, wrong: "--store: store and data are both set (data at --data)"},
		{file: "store: mysql://u:geheim@h/x", wrong: "f.yaml:1: store: this is not the address of a database"},
		{file: "store: u:geheim@h", wrong: "this is not the address of a database"},
		{file: "store: postgres:///x?password=geheim", wrong: "names no host"},
		{file: "store: postgres://u:ge@heim:geheim@h/x", wrong: "f.yaml:1: store: the address has more than one @"},
		{flags: map[string]string{"data": "postgres://u:geheim@h/x"}, wrong: "--data: data is the address of a database"},
		{file: "store_connections: 1", wrong: "f.yaml:1: store_connections is 1"},
	} {
		cfg, err := load(t, c.file, c.env, c.flags)
		if c.wrong != "" {
			if err == nil || !strings.Contains(err.Error(), c.wrong) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("%s %v: got %v", c.file, c.flags, err)
			}
			continue
		}
		if err != nil || cfg.Store != c.store || cfg.Data != c.data {
			t.Errorf("%s %v %v: %q %q, %v", c.file, c.env, c.flags, string(cfg.Store), cfg.Data, err)
		}
	}
}

func TestPasswordsAreNotPrinted(t *testing.T) {
	for url, want := range map[StoreURL]string{
		"postgres://u:geheim@h:5432/db?password=geheim": "postgres://h:5432/db",
		"postgres://u:ge/he@im@h1:1,h2:2/db":            "postgres://h1:1,h2:2/db",
		"postgres://h/db":                               "postgres://h/db",
	} {
		if got := url.String(); got != want {
			t.Errorf("got %s", got)
		}
		for _, text := range []string{fmt.Sprint(url), fmt.Sprintf("%+v %#v", Config{Store: url}, Config{Store: url})} {
			if strings.Contains(text, "geheim") || strings.Contains(text, "he@im") {
				t.Errorf("printed: %s", text)
			}
		}
	}
}

func TestHasPassword(t *testing.T) {
	for url, want := range map[StoreURL]bool{
		"postgres://u:p@h/db": true, "postgres://u@h/db?sslmode=disable&password=p": true, "postgres://u:p/q@h/db": true,
		"postgres://u@h:5432,h2:5432/db": false, "postgres://u:@h/db": false, "postgres://h/db?password=": false, "": false,
	} {
		if got := url.HasPassword(); got != want {
			t.Errorf("%q: %v", string(url), got)
		}
	}
}
