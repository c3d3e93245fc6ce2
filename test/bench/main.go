package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/test/instance"
)

// scenarios in the order in which they run.
var scenarios = []struct {
	name, what string
	run        func(*bench) error
}{
	{"ingest100", "100 events a request, 32 connections", (*bench).ingest100},
	{"ingest20", "20 events a request, 32 connections", (*bench).ingest20},
	{"single32", "one event a request, 32 connections", (*bench).single32},
	{"single256", "one event a request, 256 connections", (*bench).single256},
	{"import", "NDJSON into a stopped directory, and into a running server", (*bench).imports},
	{"reads", "Profile API reads while events pour in at half speed", (*bench).reads},
	{"postgres", "one node and four on the PostgreSQL database of -store", (*bench).shared},
	{"postgresreads", "Profile API of two nodes on the database of -store, while events pour in", (*bench).sharedReads},
	{"scale", "throughput and memory with ever more people loaded", (*bench).scale},
}

// bench is one run of this program.
type bench struct {
	binary, dir   string
	definitions   string // file with what is computed while events pour in; "": nothing
	warm, measure time.Duration
	most          float64 // events a second that nothing is expected to exceed: bounds what is made beforehand
	half          float64 // events a second while profiles are read
	seed          uint64
	people        int // loaded before profiles are read
	events        int // imported
	steps         []int
	connections   int    // of readers
	store         string // database of the scenario postgres
	kiosks        int    // in its population
	mixes         string // which of its rows; all if empty
	sharedHalf    float64
	sharedReaders float64 // reads a second of postgresreads

	tables tables
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	var b bench
	var names []string
	for _, s := range scenarios {
		if strings.HasPrefix(s.name, "postgres") {
			continue // needs a database
		}
		names = append(names, s.name)
	}
	only := flag.String("run", "", "what to measure, separated by commas; default: everything that needs no -store\n"+describe())
	long := flag.Bool("long", false, "scale up to five million people, which takes a while and 10 GB of disk")
	dir := flag.String("dir", "", "where data directories are made and removed; default: the system's temporary directory")
	flag.StringVar(&b.binary, "binary", "", "the server to measure; default: one is built")
	flag.StringVar(&b.definitions, "definitions", "", "document of computed traits and audiences that is in force while events are sent")
	flag.DurationVar(&b.warm, "warm", time.Second, "time before measuring")
	flag.DurationVar(&b.measure, "time", 4*time.Second, "time of measuring")
	flag.Float64Var(&b.most, "most", 200_000, "events a second to have ready")
	flag.Float64Var(&b.half, "half", 62_500, "events a second while profiles are read")
	flag.Uint64Var(&b.seed, "seed", 1, "of the population")
	flag.IntVar(&b.people, "people", 100_000, "people loaded before profiles are read")
	flag.IntVar(&b.events, "events", 1_000_000, "events that are imported")
	steps := flag.String("steps", "100000,1000000", "people loaded one after the other for scale")
	flag.IntVar(&b.connections, "connections", 32, "connections of readers")
	flag.StringVar(&b.store, "store", "", "URL of the empty PostgreSQL database that postgres writes to")
	flag.IntVar(&b.kiosks, "kiosks", 100, "kiosks in the population of postgres")
	flag.Float64Var(&b.sharedHalf, "events-beside", 5_000, "events a second of postgresreads")
	flag.Float64Var(&b.sharedReaders, "reads", 500, "profiles read a second in postgresreads")
	flag.StringVar(&b.mixes, "mixes", "", "rows of postgres, separated by commas: one, two, apart, turns, crowd; default: all")
	flag.Parse()
	if *long {
		*steps += ",5000000"
	}
	for s := range strings.SplitSeq(*steps, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || len(b.steps) > 0 && n <= b.steps[len(b.steps)-1] {
			return fmt.Errorf("-steps is %q; write growing numbers, separated by commas", *steps)
		}
		b.steps = append(b.steps, n)
	}
	if *only != "" {
		names = strings.Split(*only, ",")
	}
	if b.dir, err = os.MkdirTemp(*dir, "selfsame-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.binary == "" {
		say("building the server")
		if b.binary, err = instance.Build(b.dir); err != nil {
			return err
		}
	}
	if err := os.WriteFile(b.config(), []byte(configuration), 0o600); err != nil {
		return err
	}
	began := time.Now()
	for _, name := range names {
		if err := b.one(name); err != nil {
			b.tables.print(os.Stdout)
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	fmt.Println(machine())
	b.tables.print(os.Stdout)
	say("all of it took %v", time.Since(began).Round(time.Second))
	return nil
}

func (b *bench) one(name string) error {
	for _, s := range scenarios {
		if s.name == name {
			say("%s: %s", s.name, s.what)
			return s.run(b)
		}
	}
	return fmt.Errorf("there is nothing of that name; there are:\n%s", describe())
}

func describe() string {
	var b strings.Builder
	for _, s := range scenarios {
		fmt.Fprintf(&b, "  %-13s %s\n", s.name, s.what)
	}
	return b.String()
}

// say tells whoever waits what is going on. Tables go to the standard output,
// this does not.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (b *bench) config() string { return filepath.Join(b.dir, "selfsame.yaml") }

// data makes an empty data directory.
func (b *bench) data() (string, error) { return os.MkdirTemp(b.dir, "data-") }

const (
	writeKey = "wk_bench"
	token    = "tok_bench"
	admin    = "adm_bench"
)

// configuration leaves everything at its default but the rate limit of readers,
// who are faster here than a customer's token should be.
const configuration = `admin_token: ` + admin + `
log_level: warn
profile_rate: 0
spaces:
  - id: dev
    name: Measured
    sources: [{id: shop, name: Shop, write_key: ` + writeKey + `}]
    tokens: [{name: reader, token: ` + token + `}]
`
