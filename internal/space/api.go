package space

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
	"github.com/selfsame-id/selfsame/internal/space/tx"
	"github.com/selfsame-id/selfsame/internal/task"
)

// Errors of a space. Errors of the store (kv.ErrNoSpace, ...) come through
// wrapped.
var (
	// ErrOverloaded: too much work is waiting. Nothing of the request was taken;
	// send it again after a while.
	ErrOverloaded = errors.New("the space has too much work waiting")
	// ErrBusy: other nodes changed the same profiles each time that it was tried.
	// Parts of a delivery may be stored: send all of it again.
	ErrBusy = errors.New("other nodes keep changing the same profiles")
	// ErrClosed: the space was closed or failed and takes no more events.
	ErrClosed = errors.New("the space is closed")
	// ErrNotFound: there is no such profile, refused event, ...
	ErrNotFound = tx.ErrNotFound
	// ErrTooLarge: more hangs together than one answer looks through.
	ErrTooLarge = tx.ErrTooLarge
	// ErrBadCursor: a page token is not one of ours.
	ErrBadCursor = rejects.ErrBadCursor
	// ErrChanged: somebody else changed it in the meantime. Look again.
	ErrChanged = errors.New("it was changed in the meantime")
	// ErrExists: there is one like it.
	ErrExists = errors.New("exists already")
	// ErrConflict: it contradicts something that holds already.
	ErrConflict = errors.New("contradicts what holds already")
	// ErrInvalid: what was asked for cannot be; the text says why.
	ErrInvalid = errors.New("not possible")
	// ErrApplying: new rules, or an override of very many strands, are being
	// applied to what is there; wait for the end.
	ErrApplying = errors.New("new rules or overrides are being applied to what is there; try again when that is done")
)

// Config is what a space needs to work. Zero values of the numbers mean the
// defaults.
type Config struct {
	ID    string
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: slog.Default
	Rules *identity.Rules  // nil: the rules kept in the store, or the built-in ones

	DedupeWindow time.Duration // how long a messageId counts once; default 24 h
	DedupeBytes  int64         // memory for recent message IDs; default 128 MiB
	CacheBytes   int64         // memory for caches of strands and profiles; default 256 MiB
	QueueBytes   int64         // event bytes waiting for a commit before ErrOverloaded; default 64 MiB
	QueueWait    time.Duration // how long a delivery waits for its commit to begin before ErrOverloaded; default 5 s
	RejectAge    time.Duration // how long refused messages are kept; default 30 days
	RejectMost   int64         // how many of one source are kept, the youngest; default 100,000
	RejectBytes  int64         // how many bytes of one source are kept; default 256 MiB
	// ApplyRules decides again what does not follow from new rules, until nothing is left,
	// see package rules. nil: what is there stays as it is.
	ApplyRules func(context.Context, *Applying) error
	// Compile compiles a stored version of the definitions of traits and audiences, see
	// package space/computed; nil: a space that has definitions cannot be opened. It
	// returns nil for definitions that take nothing from events.
	Compile     func(stored []byte) (Extractor, error)
	Tasks       *task.Scheduler // runs the background work; nil: a scheduler of its own
	ScratchDir  string          // where temporary files lie that may grow large; "": the system's directory for them
	ReplayBound int             // decisions replayed inside a commit before a pending job takes over; default 1000
	// FreshLane lets the space of a store of its own go on in a new lane of its feed:
	// for a store that has lost its end, whose numbers readers have seen already.
	FreshLane bool
}

// Delivery is one request's worth of work for a space. With a Mark, an Audit
// entry, Resolves, or a message that has no MessageID it is committed all at once;
// otherwise, on a store that other nodes write too, perhaps in parts, which are
// known by their messageIds if the rest fails and all of it is sent again. Ingest
// returns when all of it is committed.
type Delivery struct {
	Source   string           // source ID
	Messages []event.Message  // valid; those without a MessageID are given one
	Rejects  []rejects.Reject // refused messages of the same request, to be kept
	Resolves []string         // IDs of kept rejects that this delivery sends again: they are removed
	Audit    *audit.Entry     // who had it sent, kept in the same commit; nil: nobody in particular
	Mark     *Mark            // progress of an import, kept in the same commit
	Dedupe   Dedupe           // with what its messages are compared
}

// Receipt says what became of a delivery. It is returned when everything is
// durable, resolved and readable.
type Receipt struct {
	Stored     int // events kept
	Repeats    int // messageIds already seen
	Compared   int // messages that were compared with the whole store, see Delivery.Dedupe
	IDUsed     int `json:"id_used"` // other events had their messageIds before; kept as rejects
	Unresolved int // kept events none of whose IDs was accepted
	Created    int // profiles created
	Merged     int // profiles merged away
	Demoted    int // IDs left out by a rule
}

func (r *Receipt) add(o *Receipt) {
	r.Stored += o.Stored
	r.Repeats += o.Repeats
	r.IDUsed += o.IDUsed
	r.Unresolved += o.Unresolved
	r.Created += o.Created
	r.Merged += o.Merged
	r.Demoted += o.Demoted
}

// RulesVersion is the rules that are at work.
type RulesVersion struct {
	Version uint64
	Rules   identity.Rules
	SetAt   int64  // nanoseconds since 1970
	SetBy   string // "config", "built-in", the name of a token
	SetFor  string // the person who used the token, as their client said
	Why     string // as they said
	// Applying means that what was there before is still being resolved again;
	// Progress says how far that is, on the node that does it.
	Applying bool
	Progress *ApplyProgress
	NewTypes []string // ID types that arrived without being listed, alphabetically
}

// Stats are counters and gauges since the space was opened.
type Stats struct {
	Events, Repeats, Rejected, Unresolved   int64
	Profiles                                int64 // exact, in the store, users and accounts
	Strands                                 int64 // exact, in the store
	Commits, Conflicts                      int64
	Again                                   int64 // events that were decided again because another node came in between
	ProfilesCreated, Merges, Unmerges       int64
	Demotions                               int64
	Replays, ReplayedDecisions              int64
	Pending                                 int64 // replays waiting for the job
	CountedAt                               int64 // until then, in nanoseconds since 1970, Profiles, Strands and Pending know what other nodes did
	QueueBytes                              int64
	Warnings                                int64 // open
	StrandCacheHits, StrandCacheMisses      int64
	DedupeMemoryBytes, DedupeStoreChecks    int64
	CommitSeconds, PlanSeconds, WaitSeconds float64 // totals
}

// Progress is called now and then by long work. total is 0 when not known.
type Progress func(stage string, done, total int64)
