package pgkv

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// upgrades make the tables: the first takes a database from nothing to schema
// version 1, the next one from 1 to 2, and so on. Each runs in a transaction
// of its own that also writes the new version. Released ones never change.
var upgrades = []string{
	`CREATE TABLE IF NOT EXISTS selfsame_kv (key BYTEA NOT NULL PRIMARY KEY, value BYTEA NOT NULL)`,
}

const (
	createMeta = `CREATE TABLE IF NOT EXISTS selfsame_meta (name TEXT NOT NULL PRIMARY KEY, value BIGINT NOT NULL)`
	seedMeta   = `INSERT INTO selfsame_meta (name, value) VALUES ('schema', 0) ON CONFLICT (name) DO NOTHING`
	// lockMeta makes other nodes that start at the same time wait here.
	lockMeta = `SELECT value FROM selfsame_meta WHERE name = 'schema' FOR UPDATE`
	readMeta = `SELECT value FROM selfsame_meta WHERE name = 'schema'`
	setMeta  = `UPDATE selfsame_meta SET value = $1 WHERE name = 'schema'`
)

const minPostgres = 15

var version = regexp.MustCompile(`^PostgreSQL (\d+)`)

// checkServer refuses servers that cannot hold the store, or would not keep
// what they have acknowledged. It says whether the server is PostgreSQL or
// something built on it, which has PostgreSQL's planner.
func checkServer(ctx context.Context, conn *pgx.Conn) (postgres bool, err error) {
	var text, sync string
	if err := conn.QueryRow(ctx, `SELECT version()`).Scan(&text); err != nil {
		return false, err
	}
	if m := version.FindStringSubmatch(text); m != nil && !strings.Contains(text, "-YB-") {
		if major, _ := strconv.Atoi(m[1]); major < minPostgres {
			return false, fmt.Errorf("%w: it is %s; needed is PostgreSQL %d", kv.ErrTooOld, m[0], minPostgres)
		}
	}
	if err := conn.QueryRow(ctx, `SHOW synchronous_commit`).Scan(&sync); err != nil {
		return false, err
	}
	if sync == "off" {
		return false, errors.New("synchronous_commit is off for this user or database: what was acknowledged could be lost; set it to on")
	}
	return version.MatchString(text), nil
}

// upgrade makes the tables or brings them up to date. Nodes that start at once
// wait for each other at a row of selfsame_meta; only the making of that table
// can collide, and is tried again.
func upgrade(ctx context.Context, conn *pgx.Conn) error {
	at, err := schemaVersion(ctx, conn)
	if err != nil {
		return err
	}
	for at < int64(len(upgrades)) {
		b := newBackoff()
		for {
			at, err = upgradeOnce(ctx, conn)
			if err == nil || !startRace(err) || !b.wait(ctx) {
				break
			}
		}
		if err != nil {
			return fmt.Errorf("upgrade the tables: %w", err)
		}
	}
	if at > int64(len(upgrades)) {
		return fmt.Errorf("%w: its tables are of version %d, this version knows %d", kv.ErrTooNew, at, len(upgrades))
	}
	return nil
}

// schemaVersion returns the version of the tables, 0 if there are none.
func schemaVersion(ctx context.Context, conn *pgx.Conn) (at int64, err error) {
	err = conn.QueryRow(ctx, readMeta).Scan(&at)
	if code(err) == "42P01" || errors.Is(err, pgx.ErrNoRows) { // no such table, or no row yet
		return 0, nil
	}
	return at, err
}

// upgradeOnce takes the tables one version up, unless another node did, and
// returns their version.
func upgradeOnce(ctx context.Context, conn *pgx.Conn) (at int64, err error) {
	for _, sql := range []string{createMeta, seedMeta} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return 0, err
		}
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, lockMeta).Scan(&at); err != nil {
			return err
		}
		if at >= int64(len(upgrades)) {
			return nil
		}
		if _, err := tx.Exec(ctx, upgrades[at]); err != nil {
			return err
		}
		at++
		_, err := tx.Exec(ctx, setMeta, at)
		return err
	})
	return at, err
}

// startRace tells an error that nodes which make the tables at the same time
// may give each other.
func startRace(err error) bool {
	switch code(err) {
	case "23505", "42P07", "42710", "40001", "40P01", "XX000":
		return true
	}
	return false
}

// code returns the SQLSTATE of a server error, or "".
func code(err error) string {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		return pe.Code
	}
	return ""
}
