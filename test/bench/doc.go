// Command bench measures the real server from outside: it starts the selfsame
// binary on a directory of its own, loads it over HTTP from this process, and
// prints tables in Markdown: throughput, latency, what server and generator
// cost, memory and disk.
//
// Server and generator share the machine, so all requests are made before the
// clock starts and what is left for the generator is to write and to read; its
// share of the CPU is in the tables. Every answer is looked at.
//
//	go run ./test/bench                        everything that is short
//	go run ./test/bench -run ingest100,reads   some of it
//	go run ./test/bench -run scale -long       up to five million people
package main
