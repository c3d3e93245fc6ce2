// Package instance runs the real selfsame binary as a child process, for tests
// and measurements from outside: it builds it, starts it on a free port of the
// loopback, waits until it is ready, keeps what it logs, reads what it uses, and
// ends it gently or by SIGKILL. It never touches a process that it did not
// start.
package instance
