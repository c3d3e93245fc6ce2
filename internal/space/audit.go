package space

import (
	"crypto/rand"
	"encoding/json"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// putAudit adds an entry to the audit trail, in the commit of what it tells.
func (s *Space) putAudit(b *kv.Batch, e audit.Entry) error {
	v, err := json.Marshal(e)
	if err != nil {
		return err
	}
	key := codec.AppendTime(nil, e.Time)
	key = append(key, make([]byte, 8)...)
	rand.Read(key[8:]) // never fails, see crypto/rand
	b.Put(codec.Audit.Key(s.keys, key), v)
	return nil
}
