// Package pgtest starts private throw-away PostgreSQL servers for tests: on a
// free loopback port, in a directory of the test, as an unprivileged user, and
// ended with the test. It finds the server where Debian's packages put it. A
// proxy before a server cuts connections, and makes it slow or silent.
//
// Without PostgreSQL, tests that need it are skipped, loudly; with CI=true they
// fail.
package pgtest
