package config

import (
	"fmt"
	"strings"
	"testing"
)

// A token that can be guessed is for this machine only.
func TestWeakTokens(t *testing.T) {
	const strong = "kR7vQ2mXw9LzT4bN"
	for _, listen := range []struct {
		addr   string
		public bool
	}{
		{"127.0.0.1:8080", false}, {"localhost:8080", false}, {"[::1]:8080", false}, {"127.8.8.8:1", false},
		{":8080", true}, {"0.0.0.0:8080", true}, {"[::]:8080", true}, {"192.0.2.1:8080", true}, {"selfsame.internal:80", true},
	} {
		for token, weak := range map[string]bool{
			"abcd": true, "short_but_mixed": true, "aaaaaaaaaaaaaaaaaaaaaaaa": true, "changemechangeme": true,
			"passwordpassword": true, "12345678901234567890": true, "abcdefghijklmnopqrstuvwxyz": true,
			strong: false, "adm_GjseMkwhS8Xf1uTQAi0L2": false, "9f86d081884c7d659a2feaa0c55ad015": false,
		} {
			for _, key := range []string{"admin_token", "metrics_token"} {
				_, err := load(t, fmt.Sprintf("listen: %q\n%s: %q\n", listen.addr, key, token), nil, nil)
				if refused := err != nil; refused != (weak && listen.public) {
					t.Errorf("%s %s on %s: %v", key, token, listen.addr, err)
				}
				if err != nil && (strings.Contains(err.Error(), token) || !strings.Contains(err.Error(), "f.yaml:2: "+key+" is too easy to guess")) {
					t.Errorf("it says %v", err)
				}
			}
		}
	}
	// Without one of its own, the server makes one.
	if _, err := load(t, "listen: :8080\n", nil, nil); err != nil {
		t.Error(err)
	}
}

func TestNetworksAndNames(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "[127.0.0.0/8 ::1/128]",
		"10.1.2.3":                      "[10.1.2.3/32]",
		"10.1.2.3/8":                    "[10.0.0.0/8]",
		"10.0.0.0/8, ::1,2001:db8::/32": "[10.0.0.0/8 ::1/128 2001:db8::/32]",
		"none":                          "[]",
		"proxy.internal":                "",
		"10.0.0.0/40":                   "",
	} {
		cfg, err := load(t, "trusted_proxies: "+text+"\n", nil, nil)
		if err != nil && (want != "" || !strings.Contains(err.Error(), "f.yaml:1: trusted_proxies: ")) || err == nil && fmt.Sprint(cfg.TrustedProxies) != want {
			t.Errorf("%q: %v, %v", text, cfg.TrustedProxies, err)
		}
	}
	cfg, err := load(t, "", map[string]string{"SELFSAME_HOSTS": "a.example, b.example", "SELFSAME_TRUSTED_PROXIES": "none"}, nil)
	if err != nil || fmt.Sprint(cfg.Hosts) != "[a.example b.example]" || cfg.TrustedProxies == nil || len(cfg.TrustedProxies) != 0 {
		t.Errorf("%v %v, %v", cfg.Hosts, cfg.TrustedProxies, err)
	}
	if _, err := load(t, "hosts: https://a.example/\n", nil, nil); err == nil {
		t.Error("an address passes for a name")
	}
}
