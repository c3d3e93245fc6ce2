// Command bench measures the real server from outside: it starts the selfsame
// binary on directories of its own, loads it over HTTP from this process, and
// prints tables in Markdown, each figure beside what the same machine does with
// three yardsticks in the same minutes (test/bench/yardstick).
//
// Everything is measured in turn, in several rounds, and what is printed are
// medians: a ratio is that of one round first, and then the median of those. A
// neighbour on the machine disturbs CPU per event least and p99 most.
//
// Server and generator share the machine, so all requests are made before the
// clock starts and what is left for the generator is to write and to read. What
// counts CPU is a process of its own. Every answer is looked at.
//
//	go run ./test/bench                        everything but growth
//	go run ./test/bench -quick                 small, to see whether it works
//	go run ./test/bench -run ingest100,reads   some of it
//	go run ./test/bench -binary old=…,new=…    two servers in turn
//	go run ./test/bench -run scale             up to five million profiles
package main
