package pgkv

import (
	"context"
	"encoding/binary"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Every statement of commits and reads. docs/adr/0003-store-over-sql.md says
// why each of them means the same on all servers.
//
// A test of preconditions ends in a division that fails, with SQLSTATE 22012,
// if the count is not what it must be, or in a key that cannot be made, 23505: so
// the server ends the transaction by itself, and the COMMIT that is already on
// its way does nothing.
const (
	sqlBegin    = `BEGIN ISOLATION LEVEL READ COMMITTED`
	sqlCommit   = `COMMIT`
	sqlRollback = `ROLLBACK`
	sqlSnapshot = `BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`

	// sqlUpdate sets those of the keys $1 that have the values $2 to $3, and
	// sqlTake removes them: all $4, or $3, must have had them.
	sqlUpdate = `WITH done AS (UPDATE selfsame_kv AS k SET value = w.value ` +
		`FROM unnest($1::BYTEA[], $2::BYTEA[], $3::BYTEA[]) AS w(key, wanted, value) ` +
		`WHERE k.key = w.key AND k.value = w.wanted RETURNING 1) ` +
		`SELECT 1 / (CASE WHEN count(*) = $4::BIGINT THEN 1 ELSE 0 END) FROM done`
	sqlTake = `WITH done AS (DELETE FROM selfsame_kv AS k USING unnest($1::BYTEA[], $2::BYTEA[]) AS w(key, wanted) ` +
		`WHERE k.key = w.key AND k.value = w.wanted RETURNING 1) ` +
		`SELECT 1 / (CASE WHEN count(*) = $3::BIGINT THEN 1 ELSE 0 END) FROM done`

	// sqlShare keeps others from changing those of the keys $1 that have the
	// values $2: all $3 must have them, and none may be in the hands of another
	// transaction that changes it.
	sqlShare = `SELECT 1 / (CASE WHEN count(*) = $3::BIGINT THEN 1 ELSE 0 END) FROM (` + sqlFree + `) AS held`

	// sqlFree lists those of the keys $1 that have the values $2 and that nobody is
	// changing.
	sqlFree = `SELECT k.key FROM unnest($1::BYTEA[], $2::BYTEA[]) AS w(key, wanted) JOIN selfsame_kv AS k ` +
		`ON k.key = w.key AND k.value = w.wanted FOR SHARE OF k SKIP LOCKED`

	// sqlLock locks the rows of those of the keys $1 that are there, in their order.
	sqlLock = `SELECT count(*) FROM (SELECT 1 FROM unnest($1::BYTEA[]) AS w(key) JOIN selfsame_kv AS k ON k.key = w.key ` +
		`ORDER BY k.key FOR UPDATE OF k) AS held`

	// sqlInsert makes the keys $1 with the values $2. A key that is there is an
	// error.
	sqlInsert = `INSERT INTO selfsame_kv (key, value) SELECT w.key, w.value FROM unnest($1::BYTEA[], $2::BYTEA[]) AS w(key, value)`

	// sqlPut sets the keys $1 to the values $2.
	sqlPut = sqlInsert + ` ORDER BY w.key ON CONFLICT (key) DO UPDATE SET value = excluded.value`

	// sqlGuard does the same, but the keys $3 must be absent: all $4 rows must have
	// been written.
	sqlGuard = `WITH done AS (` + sqlPut + ` WHERE NOT (excluded.key = ANY ($3::BYTEA[])) RETURNING 1) ` +
		`SELECT 1 / (CASE WHEN count(*) = $4::BIGINT THEN 1 ELSE 0 END) FROM done`

	// sqlDiffer lists those of the keys $1 that do not have the values $2, where
	// NULL is no value.
	sqlDiffer = `SELECT w.key FROM unnest($1::BYTEA[], $2::BYTEA[]) AS w(key, wanted) ` +
		`LEFT JOIN selfsame_kv AS k ON k.key = w.key WHERE k.value IS DISTINCT FROM w.wanted`

	sqlDelete = `DELETE FROM selfsame_kv WHERE key = ANY ($1::BYTEA[])`

	// sqlDeleteRange and sqlDeleteFrom spare keys that the batch put there.
	sqlDeleteRange = `DELETE FROM selfsame_kv WHERE key >= $1::BYTEA AND NOT (key = ANY ($2::BYTEA[])) AND key < $3::BYTEA`
	sqlDeleteFrom  = `DELETE FROM selfsame_kv WHERE key >= $1::BYTEA AND NOT (key = ANY ($2::BYTEA[]))`

	sqlGet = `SELECT key, value FROM selfsame_kv WHERE key = ANY ($1::BYTEA[])`

	// The scans of keys from $1 to $2, at most $3; and of ranges, whose numbers
	// begin with 1.
	sqlScan      = `SELECT key, value FROM selfsame_kv WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3`
	sqlScanBack  = `SELECT key, value FROM selfsame_kv WHERE key >= $1 AND key < $2 ORDER BY key DESC LIMIT $3`
	sqlScans     = sqlScansHead + `ORDER BY key` + sqlScansTail
	sqlScansBack = sqlScansHead + `ORDER BY key DESC` + sqlScansTail

	sqlScansHead = `SELECT r.number, k.key, k.value FROM unnest($1::BYTEA[], $2::BYTEA[]) WITH ORDINALITY AS r(start, stop, number) ` +
		`CROSS JOIN LATERAL (SELECT key, value FROM selfsame_kv WHERE key >= r.start AND key < r.stop `
	sqlScansTail = ` LIMIT $3) AS k`
)

// Each of them is a precondition that does not hold.
const (
	divisionByZero  = "22012"
	uniqueViolation = "23505"
)

// settings fix the plans of PostgreSQL and what is built on it: every statement
// finds its rows by the primary key, one by one. Left to itself the planner knows
// nothing of a new table, or too much of one that was small when it looked, and
// reads all of it.
//
// Values of a few kilobytes and more are compressed by the server. Its own method
// is a slow one; where it was built with LZ4, that is taken.
var settings = []setting{
	{"plan_cache_mode", "force_generic_plan"},
	{"enable_seqscan", "off"},
	{"enable_bitmapscan", "off"},
	{"enable_hashjoin", "off"},
	{"enable_mergejoin", "off"},
	{"jit", "off"},
	{"default_toast_compression", "lz4"},
}

type setting struct{ name, value string }

// known returns the statements that set what a server knows: not every one has
// all settings, or all their values.
func known(ctx context.Context, conn *pgx.Conn, settings []setting) (statements []string, err error) {
	for _, s := range settings {
		var n int
		err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_settings WHERE name = $1 AND (vartype <> 'enum' OR $2 = ANY (enumvals))`, s.name, s.value).Scan(&n)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			statements = append(statements, "SET "+s.name+" = "+s.value)
		}
	}
	return statements, nil
}

// prepared are the statements that every connection prepares when it is made.
var prepared = map[string]string{
	"selfsame_begin":    sqlBegin,
	"selfsame_commit":   sqlCommit,
	"selfsame_snapshot": sqlSnapshot,
	"selfsame_lock":     sqlLock,
	"selfsame_update":   sqlUpdate,
	"selfsame_take":     sqlTake,
	"selfsame_share":    sqlShare,
	"selfsame_put":      sqlPut,
	"selfsame_insert":   sqlInsert,
	"selfsame_delete":   sqlDelete,
	"selfsame_guard":    sqlGuard,
	"selfsame_differ":   sqlDiffer,
	"selfsame_free":     sqlFree,
	"selfsame_get":      sqlGet,

	"selfsame_scan":       sqlScan,
	"selfsame_scan_back":  sqlScanBack,
	"selfsame_scans":      sqlScans,
	"selfsame_scans_back": sqlScansBack,
}

// prepare runs on each new connection; one round trip.
func (s *Store) prepare(ctx context.Context, conn *pgx.Conn) error {
	p := conn.PgConn().StartPipeline(ctx)
	n := len(prepared) + len(s.settings)
	for _, sql := range s.settings {
		p.SendQueryParams(sql, nil, nil, nil, nil)
	}
	for name, sql := range prepared {
		p.SendPrepare(name, sql, nil)
	}
	if err := p.Sync(); err != nil {
		return err
	}
	for range n + 1 {
		res, err := p.GetResults()
		if err != nil {
			return err
		}
		if rr, ok := res.(*pgconn.ResultReader); ok {
			if _, err := rr.Close(); err != nil {
				return err
			}
		}
	}
	return p.Close()
}

// byteaArray encodes values as a BYTEA[] parameter; a nil element is NULL.
func byteaArray(values [][]byte) []byte {
	size := 20
	for _, v := range values {
		size += 4 + len(v)
	}
	b := arrayHead(make([]byte, 0, size), pgtype.ByteaOID, len(values))
	for _, v := range values {
		if v == nil {
			b = binary.BigEndian.AppendUint32(b, ^uint32(0))
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return b
}

func arrayHead(b []byte, element uint32, n int) []byte {
	if n == 0 { // no dimensions
		b = binary.BigEndian.AppendUint32(b, 0)
		b = binary.BigEndian.AppendUint32(b, 0)
		return binary.BigEndian.AppendUint32(b, element)
	}
	b = binary.BigEndian.AppendUint32(b, 1) // dimensions
	b = binary.BigEndian.AppendUint32(b, 1) // there may be NULLs
	b = binary.BigEndian.AppendUint32(b, element)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	return binary.BigEndian.AppendUint32(b, 1) // the first index
}

// bigint encodes n as a BIGINT parameter.
func bigint(n int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }
