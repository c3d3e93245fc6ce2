package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/test/instance"
)

type scenario struct {
	name, what string
	alone      bool // is run only if it is asked for
	run        func(*bench) error
}

// scenarios in the order in which they run.
var scenarios = []scenario{
	{"ingest100", "100 events a request, 32 connections", false, (*bench).ingest100},
	{"ingest20", "20 events a request, 32 connections", false, (*bench).ingest20},
	{"single32", "one event a request, 32 connections", false, (*bench).single32},
	{"single256", "one event a request, 256 connections", false, (*bench).single256},
	{"defined", "the same four with 20 computed traits and 10 audiences", false, (*bench).defined},
	{"import", "history into a stopped directory, and into a running server", false, (*bench).imports},
	{"reads", "Profile API, idle and while events pour in at half speed", false, (*bench).reads},
	{"postgresreads", "Profile API of two nodes on PostgreSQL, while events pour in", false, (*bench).sharedReads},
	{"webhook", "from an event to a local webhook, under half load", false, (*bench).webhook},
	{"simulate", "a draft of rules on one core, and rules that move half of the events", false, (*bench).whatIf},
	{"export", "all profiles as NDJSON", false, (*bench).exports},
	{"postgres", "one node and four on PostgreSQL", true, (*bench).shared},
	{"scale", "throughput and memory with ever more people loaded", true, (*bench).scale},
}

// bench is one run of this program.
type bench struct {
	contenders    []contender
	who           contender // whose turn it is
	dir           string
	rounds        int
	warm, measure time.Duration
	most          float64 // events a second that nothing is expected to exceed: bounds what is made beforehand
	half          float64 // events a second beside reads and webhooks; 0: half of what was measured before
	seed          uint64
	people        int   // loaded before profiles are read
	events        int   // imported
	cards         int   // people of simulate
	steps         []int // profiles of scale
	connections   int   // of readers
	memory        int   // MiB that servers may take
	store         string
	kiosks        int    // in the population of postgres
	mixes         string // which of its rows; all if empty
	sharedPeople  int    // loaded before profiles are read from PostgreSQL
	sharedHalf    float64
	sharedReaders float64 // reads a second of postgresreads

	// What is made once.
	lines    [][]byte // events, without their line ends
	file     string   // of the first b.events of them
	kept     map[string]string
	postgres map[string]*instance.Postgres // of each contender

	poured int // how often new people came beside something else

	yard     yards
	speed    map[string]float64 // events a second at 100 a request, of each contender
	tables   tables
	progress progress
}

// contender is a server that is measured.
type contender struct {
	name   string // "" if there is only one
	binary string
}

func main() {
	err := child(os.Args[1:])
	if errors.Is(err, errNoChild) {
		err = run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	var b bench
	only := flag.String("run", "", "what to measure, separated by commas; default: all but those marked with *\n"+describe())
	quick := flag.Bool("quick", false, "everything small, one round: whether it works, not how fast it is")
	dir := flag.String("dir", "", "where data directories are made and removed; default: the system's temporary directory")
	binary := flag.String("binary", "", "the server to measure; default: one is built. Several, as name=path separated by commas, are measured in turn")
	flag.IntVar(&b.rounds, "rounds", 3, "how often everything is measured, in turn")
	flag.DurationVar(&b.warm, "warm", time.Second, "time before measuring")
	flag.DurationVar(&b.measure, "time", 3*time.Second, "time of measuring")
	flag.Float64Var(&b.most, "most", 160_000, "events a second to have ready")
	flag.Float64Var(&b.half, "half", 0, "events a second beside reads and webhooks; default: half of what the server took at 100 a request")
	flag.Uint64Var(&b.seed, "seed", 1, "of the population")
	flag.IntVar(&b.people, "people", 100_000, "people loaded before profiles are read")
	flag.IntVar(&b.events, "events", 300_000, "events that are imported")
	flag.IntVar(&b.cards, "cards", 50_000, "people of simulate, four events each")
	steps := flag.String("steps", "100000,500000,1200000,2500000,5000000", "profiles of scale, one after the other")
	flag.IntVar(&b.connections, "connections", 32, "connections of readers")
	flag.IntVar(&b.memory, "memory", 1024, "MiB of memory that servers may take")
	flag.StringVar(&b.store, "store", "", "URL of an empty PostgreSQL database to use; default: a server is started if one is installed")
	flag.IntVar(&b.kiosks, "kiosks", 100, "kiosks in the population of postgres")
	flag.IntVar(&b.sharedPeople, "shared-people", 10_000, "people loaded before profiles are read from PostgreSQL")
	flag.Float64Var(&b.sharedHalf, "events-beside", 5_000, "events a second of postgresreads")
	flag.Float64Var(&b.sharedReaders, "reads", 500, "profiles read a second in postgresreads")
	flag.StringVar(&b.mixes, "mixes", "", "rows of postgres, separated by commas: one, two, apart, turns, crowd; default: all")
	into := flag.String("into", "", "`FILE#SECTION` of a document whose section between <!-- measured: SECTION --> and <!-- end --> becomes what is printed")
	flag.Parse()
	if *quick {
		if err := small(); err != nil {
			return err
		}
	}
	if b.steps, err = growing(*steps); err != nil {
		return err
	}
	chosen := strings.Split(*only, ",")
	if *only == "" {
		chosen = nil
	}
	for _, name := range chosen {
		if !slices.ContainsFunc(scenarios, func(s scenario) bool { return s.name == name }) {
			return fmt.Errorf("there is nothing of the name %q to measure; there are:\n%s", name, describe())
		}
	}
	if b.dir, err = os.MkdirTemp(*dir, "selfsame-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	b.kept, b.speed, b.tables.tell = map[string]string{}, map[string]float64{}, b.say
	b.postgres = map[string]*instance.Postgres{}
	defer func() {
		for _, p := range b.postgres {
			p.Stop()
		}
	}()
	if b.contenders, err = b.servers(*binary); err != nil {
		return err
	}
	if err := os.WriteFile(b.config(), fmt.Appendf(nil, configuration, b.memory), 0o600); err != nil {
		return err
	}
	failed := b.all(chosen)
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s: %s. %s.\n", time.Now().UTC().Format(time.DateOnly), machine(), b.rounded())
	b.tables.print(&text)
	b.printGoals(&text)
	if _, err := os.Stdout.Write(text.Bytes()); err != nil {
		failed = append(failed, err)
	}
	b.say("all of it took %v", time.Since(b.progress.began).Round(time.Second))
	if *into != "" && len(failed) == 0 {
		failed = append(failed, putInto(*into, text.Bytes()))
	}
	return errors.Join(failed...)
}

// rounded says what figures are.
func (b *bench) rounded() string {
	if b.rounds == 1 {
		return "One round"
	}
	return fmt.Sprintf("Medians of %d rounds in turn", b.rounds)
}

// all measures everything in turn. What fails is said and left out.
func (b *bench) all(chosen []string) (failed []error) {
	var steps int
	for _, s := range scenarios {
		if s.takesPart(chosen) {
			steps++
		}
	}
	b.progress.begin(b.rounds * (steps*len(b.contenders) + 1))
	fail := func(name string, err error) {
		failed = append(failed, fmt.Errorf("%s, %s: %w", b.progress.round, name, err))
		b.say("FAILED: %v", failed[len(failed)-1])
	}
	for n := range b.rounds {
		b.progress.round = fmt.Sprintf("round %d of %d", n+1, b.rounds)
		b.progress.step("yardsticks")
		if err := b.yardsticks(); err != nil {
			fail("yardsticks", err)
			return failed
		}
		for _, s := range scenarios {
			if !s.takesPart(chosen) {
				continue
			}
			for _, b.who = range b.contenders {
				b.progress.step(strings.TrimSuffix(s.what+" ("+b.who.name+")", " ()"))
				if err := s.run(b); err != nil {
					fail(s.name, err)
				}
			}
		}
	}
	b.progress.end()
	return failed
}

func (s *scenario) takesPart(chosen []string) bool {
	if len(chosen) == 0 {
		return !s.alone
	}
	return slices.Contains(chosen, s.name)
}

// small sets what was not set to something small.
func small() error {
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{"rounds": "1", "warm": "300ms", "time": "1s", "most": "120000", "people": "10000", "events": "60000",
		"cards": "4000", "shared-people": "3000", "steps": "20000,60000"} {
		if given[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// growing reads growing numbers.
func growing(text string) (steps []int, err error) {
	for s := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || len(steps) > 0 && n <= steps[len(steps)-1] {
			return nil, fmt.Errorf("-steps is %q; write growing numbers, separated by commas", text)
		}
		steps = append(steps, n)
	}
	return steps, nil
}

// servers are what -binary names.
func (b *bench) servers(named string) (all []contender, err error) {
	if named == "" {
		b.say("building the server")
		binary, err := instance.Build(b.dir)
		return []contender{{binary: binary}}, err
	}
	for s := range strings.SplitSeq(named, ",") {
		name, path, found := strings.Cut(s, "=")
		if !found {
			name, path = "", s
		}
		if path, err = filepath.Abs(path); err != nil {
			return nil, err
		}
		for _, other := range all {
			if other.name == name {
				return nil, fmt.Errorf("-binary is %q; give each of several a name of its own: old=…,new=…", named)
			}
		}
		all = append(all, contender{name, path})
	}
	return all, nil
}

// row is how a row is called of the server whose turn it is.
func (b *bench) row(name string) string {
	if b.who.name == "" {
		return name
	}
	return name + ", " + b.who.name
}

func describe() string {
	var b strings.Builder
	for _, s := range scenarios {
		star := ' '
		if s.alone {
			star = '*'
		}
		fmt.Fprintf(&b, "  %c %-13s %s\n", star, s.name, s.what)
	}
	return b.String()
}

func (b *bench) config() string { return filepath.Join(b.dir, "selfsame.yaml") }

// ofMemory is a peak as a part of what servers may take.
func (b *bench) ofMemory(peak int64) figure { return ratio(float64(peak), float64(b.memory)*(1<<20)) }

// data makes an empty data directory.
func (b *bench) data() (string, error) { return os.MkdirTemp(b.dir, "data-") }

const (
	writeKey = "wk_bench"
	token    = "tok_bench"
	admin    = "adm_bench"
)

// configuration leaves everything at its default but the rate limit of readers,
// who are faster here than a customer's token should be, and where webhooks may go.
const configuration = `admin_token: ` + admin + `
log_level: warn
profile_rate: 0
memory: %dMiB
allow_private: 127.0.0.1
spaces:
  - id: dev
    name: Measured
    sources: [{id: shop, name: Shop, write_key: ` + writeKey + `}]
    tokens: [{name: reader, token: ` + token + `}]
`
