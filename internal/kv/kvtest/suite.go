package kvtest

import (
	"context"
	"slices"
	"testing"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// Backend is what the suite needs to know of a backend.
type Backend struct {
	// Open returns a new, empty store. The suite closes it.
	Open func(t testing.TB) kv.Store
	// Reopen closes s and opens the same store again. nil: those tests are left
	// out.
	Reopen func(t testing.TB, s kv.Store) kv.Store
	// Crash ends s as if the machine had lost power and returns the store as it
	// is found afterwards. s may be left behind. nil: those tests are left out.
	Crash func(t testing.TB, s kv.Store) kv.Store
	// Second opens the store of s once more, as another node does. nil: the
	// backend is exclusive.
	Second func(t testing.TB, s kv.Store) kv.Store
	// Tracks says that its readers are kv.Trackers.
	Tracks bool
	// Only names the tests to run; nil: all that the hooks above allow.
	Only []string
}

// Run runs the suite.
func Run(t *testing.T, b Backend) {
	tests := []struct {
		name string
		run  func(t *testing.T, b Backend)
		want bool
	}{
		{"Get", testGet, true},
		{"Scan", testScan, true},
		{"ScanBounds", testScanBounds, true},
		{"Writes", testWrites, true},
		{"Preconditions", testPreconditions, true},
		{"Snapshots", testSnapshots, true},
		{"Limits", testLimits, true},
		{"LargeBatches", testLargeBatches, true},
		{"Contexts", testContexts, true},
		{"Ownership", testOwnership, true},
		{"Counters", testCounters, true},
		{"OneInserter", testOneInserter, true},
		{"WriteSkew", testWriteSkew, true},
		{"AbsentSkew", testAbsentSkew, true},
		{"StaleRequire", testStaleRequire, true},
		{"RangeConflict", testRangeConflict, true},
		{"CrossedKeys", testCrossedKeys, true},
		{"WholeBatches", testWholeBatches, true},
		{"ConflictIsVisible", testConflictIsVisible, true},
		{"ConflictKeys", testConflictKeys, true},
		{"Tracker", testTracker, b.Tracks},
		{"Model", testModel, true},
		{"Close", testClose, true},
		{"Reopen", testReopen, b.Reopen != nil},
		{"Crash", testCrash, b.Crash != nil},
		{"CrashUnderLoad", testCrashUnderLoad, b.Crash != nil},
		{"TwoNodes", testTwoNodes, b.Second != nil},
	}
	for _, test := range tests {
		if test.want && (b.Only == nil || slices.Contains(b.Only, test.name)) {
			t.Run(test.name, func(t *testing.T) { test.run(t, b) })
		}
	}
}

// open opens a store and closes it at the end of the test.
func (b Backend) open(t testing.TB) *store {
	s := &store{Store: b.Open(t), t: t}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// store is a kv.Store whose calls fail the test if they fail.
type store struct {
	kv.Store
	t testing.TB
}

// commit commits what fill adds to a batch.
func (s *store) commit(fill func(b *kv.Batch)) {
	s.t.Helper()
	if err := s.try(fill); err != nil {
		s.t.Fatalf("Commit: %v", err)
	}
}

// try commits what fill adds to a batch and returns the error.
func (s *store) try(fill func(b *kv.Batch)) error {
	var b kv.Batch
	fill(&b)
	return s.Store.Commit(context.Background(), &b)
}

// view opens a snapshot and closes it at the end of the test.
func (s *store) view() *view {
	s.t.Helper()
	r, err := s.Store.Snapshot(context.Background())
	if err != nil {
		s.t.Fatalf("Snapshot: %v", err)
	}
	s.t.Cleanup(func() { r.Close() })
	return &view{r, s.t}
}

// is fails the test unless the store holds exactly m.
func (s *store) is(t testing.TB, m model) {
	t.Helper()
	v := s.view()
	defer v.Close()
	m.same(t, v)
}

// view is a kv.Reader whose calls fail the test if they fail.
type view struct {
	kv.Reader
	t testing.TB
}

func (v *view) get(keys ...string) [][]byte {
	v.t.Helper()
	ks := make([][]byte, len(keys))
	for i, k := range keys {
		ks[i] = []byte(k)
	}
	values, err := v.Reader.Get(context.Background(), ks...)
	if err != nil {
		v.t.Fatalf("Get: %v", err)
	}
	if len(values) != len(keys) {
		v.t.Fatalf("Get of %d keys gives %d values", len(keys), len(values))
	}
	return values
}

func (v *view) scan(from, to []byte, limit int, reverse bool) []kv.Entry {
	v.t.Helper()
	entries, err := v.Reader.Scan(context.Background(), from, to, limit, reverse)
	if err != nil {
		v.t.Fatalf("Scan: %v", err)
	}
	return entries
}

func (v *view) all() []kv.Entry { return v.scan(nil, nil, 1<<30, false) }
