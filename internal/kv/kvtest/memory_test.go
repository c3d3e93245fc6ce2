package kvtest_test

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
)

func TestConformance(t *testing.T) {
	disks := map[kv.Store]*kvtest.Memory{}
	on := func(m *kvtest.Memory) kv.Store {
		s := m.Open()
		disks[s] = m
		return s
	}
	kvtest.Run(t, kvtest.Backend{
		Open: func(testing.TB) kv.Store { return on(kvtest.NewMemory()) },
		Reopen: func(t testing.TB, s kv.Store) kv.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return on(disks[s])
		},
		Second: func(_ testing.TB, s kv.Store) kv.Store { return on(disks[s]) },
	})
}
