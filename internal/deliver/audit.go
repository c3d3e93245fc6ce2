package deliver

import (
	"context"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// Audit puts an entry of the audit trail into a commit.
type Audit func(*kv.Batch, audit.Entry) error

// record has a commit tell the audit trail what somebody did. Who it was is in ctx.
func (s *Dispatcher) record(ctx context.Context, b *kv.Batch, action, subject string, detail any) error {
	if s.audit == nil {
		return nil
	}
	return s.audit(b, audit.New(ctx, s.now().UnixNano(), action, subject, detail))
}

// letters is what the audit trail says of dead letters that somebody dealt with.
type letters struct {
	Numbers []uint64 `json:"numbers"`
	More    int      `json:"more,omitempty"` // that are not listed
}

// mostListed bounds the numbers of one entry.
const mostListed = 100

func lettersOf(numbers []uint64) letters {
	n := min(len(numbers), mostListed)
	return letters{numbers[:n], len(numbers) - n}
}

// defined is what the audit trail says of a destination whose definition changed.
type defined struct {
	Change   string   `json:"change"` // added, changed, removed
	Type     string   `json:"type,omitempty"`
	Disabled *bool    `json:"disabled,omitempty"` // if that is new
	Secrets  []string `json:"secrets,omitempty"`  // the names of those that were set
}

// definedAs compares a definition with the one before; nil: there was none.
func definedAs(d, old *Definition, oldSecrets map[string]string) defined {
	out := defined{Change: "changed", Type: d.Type}
	if old == nil {
		out.Change, old = "added", &Definition{}
	}
	if d.Disabled != old.Disabled {
		out.Disabled = &d.Disabled
	}
	for _, name := range slices.Sorted(maps.Keys(d.secrets)) {
		if d.secrets[name] != oldSecrets[name] {
			out.Secrets = append(out.Secrets, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(oldSecrets)) {
		if _, still := d.secrets[name]; !still {
			out.Secrets = append(out.Secrets, name+" (removed)")
		}
	}
	return out
}

// addressSubject names an address in the audit trail by the beginning of its hash: who
// knows the address finds what was done, and nobody else learns it.
func addressSubject(address identity.Hash) string {
	return "address " + hex.EncodeToString(address[:8])
}
