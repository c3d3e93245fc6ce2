package codec

import (
	"testing"

	"github.com/segmentio/ksuid"
	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/identity"
)

// The text of a profile ID is that of a KSUID, whatever its bytes.
func TestProfileIDsReadAsKSUIDs(t *testing.T) {
	check := func(t interface{ Errorf(string, ...any) }, p ProfileID) {
		for c, prefix := range map[identity.Collection]string{identity.Users: "use_", identity.Accounts: "acc_"} {
			text := p.Text(c)
			if want := prefix + ksuid.KSUID(p).String(); text != want {
				t.Errorf("%x is %s, want %s", p, text, want)
			}
			if again, of, ok := ParseProfileID(text); !ok || again != p || of != c {
				t.Errorf("%s reads as %x of %v, %t", text, again, of, ok)
			}
		}
	}
	check(t, ProfileID{})
	check(t, ProfileID(ksuid.Max))
	rapid.Check(t, func(t *rapid.T) {
		var p ProfileID
		copy(p[:], rapid.SliceOfN(rapid.Byte(), len(p), len(p)).Draw(t, "ID"))
		check(t, p)
	})
}

func BenchmarkProfileIDText(b *testing.B) {
	p := ProfileID(ksuid.Max)
	for b.Loop() {
		_ = p.Text(identity.Users)
	}
}
