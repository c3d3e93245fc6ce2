package app

import (
	"net"
	"testing"
)

func TestSharesOfMemory(t *testing.T) {
	const memory = 768 << 20
	for _, n := range []int{0, 1, 2, 10} {
		s := spaceShare(memory, n)
		if total := storeShare(memory) + int64(max(n, 1))*(s.cache+s.dedupe+s.profiles); total > memory || total < memory*9/10 {
			t.Errorf("%d spaces get %d bytes together", n, total)
		}
	}
	if s := spaceShare(64<<20, 1000); s.cache < leastShare || s.dedupe < leastShare || s.profiles < leastShare {
		t.Errorf("too little to work: %+v", s)
	}
}

func TestAddressesForPeople(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:8080": "http://127.0.0.1:8080",
		"0.0.0.0:80":     "http://localhost:80",
		"[::]:8080":      "http://localhost:8080",
		"[::1]:8080":     "http://[::1]:8080",
	} {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if got := urlOf(a); got != want {
			t.Errorf("%s is %s", address, got)
		}
	}
}
