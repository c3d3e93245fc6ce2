package pgkv

import (
	"context"
	"encoding/binary"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Every statement of commits and reads. docs/adr/0003-store-over-sql.md says
// why each of them means the same on all servers.
//
// A test of preconditions ends in a division that fails, with SQLSTATE 22012,
// if the count is not what it must be: so the server ends the transaction by
// itself, and the COMMIT that is already on its way does nothing.
const (
	sqlBegin    = `BEGIN ISOLATION LEVEL READ COMMITTED`
	sqlCommit   = `COMMIT`
	sqlRollback = `ROLLBACK`
	sqlSnapshot = `BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY`

	// sqlLock and sqlShare lock the rows of the keys $1, in their order, and
	// count those that must have the value $2 (where $3 says so) and have it: $4.
	sqlLock  = sqlLockHead + `UPDATE OF k` + sqlLockTail
	sqlShare = sqlLockHead + `SHARE OF k` + sqlLockTail

	sqlLockHead = `SELECT 1 / (CASE WHEN count(*) FILTER (WHERE held.need) = $4::BIGINT THEN 1 ELSE 0 END) FROM (` +
		`SELECT w.need FROM selfsame_kv AS k JOIN unnest($1::BYTEA[], $2::BYTEA[], $3::BOOL[]) AS w(key, value, need) ` +
		`ON k.key = w.key AND (NOT w.need OR k.value = w.value) ORDER BY k.key FOR `
	sqlLockTail = `) AS held`

	// sqlPut sets the keys $1 to the values $2.
	sqlPut = `INSERT INTO selfsame_kv (key, value) ` +
		`SELECT w.key, w.value FROM unnest($1::BYTEA[], $2::BYTEA[]) AS w(key, value) ORDER BY w.key ` +
		`ON CONFLICT (key) DO UPDATE SET value = excluded.value`

	// sqlInsert does the same, but the keys $3 must be absent: all $4 rows must
	// have been written.
	sqlInsert = `WITH done AS (` + sqlPut + ` WHERE NOT (excluded.key = ANY ($3::BYTEA[])) RETURNING 1) ` +
		`SELECT 1 / (CASE WHEN count(*) = $4::BIGINT THEN 1 ELSE 0 END) FROM done`

	sqlDelete = `DELETE FROM selfsame_kv WHERE key = ANY ($1::BYTEA[])`

	// sqlDeleteRange and sqlDeleteFrom spare keys that the batch put there.
	sqlDeleteRange = `DELETE FROM selfsame_kv WHERE key >= $1::BYTEA AND NOT (key = ANY ($2::BYTEA[])) AND key < $3::BYTEA`
	sqlDeleteFrom  = `DELETE FROM selfsame_kv WHERE key >= $1::BYTEA AND NOT (key = ANY ($2::BYTEA[]))`

	sqlGet = `SELECT key, value FROM selfsame_kv WHERE key = ANY ($1::BYTEA[])`

	// The scans are planned anew each time, for their bounds and limit.
	sqlScan         = `SELECT key, value FROM selfsame_kv WHERE key >= $1 AND key < $3 ORDER BY key LIMIT $2`
	sqlScanFrom     = `SELECT key, value FROM selfsame_kv WHERE key >= $1 ORDER BY key LIMIT $2`
	sqlScanBack     = `SELECT key, value FROM selfsame_kv WHERE key >= $1 AND key < $3 ORDER BY key DESC LIMIT $2`
	sqlScanBackFrom = `SELECT key, value FROM selfsame_kv WHERE key >= $1 ORDER BY key DESC LIMIT $2`
)

// A divisionByZero is a precondition that does not hold.
const divisionByZero = "22012"

// prepared are the statements that every connection prepares when it is made.
var prepared = map[string]string{
	"selfsame_begin":    sqlBegin,
	"selfsame_commit":   sqlCommit,
	"selfsame_snapshot": sqlSnapshot,
	"selfsame_lock":     sqlLock,
	"selfsame_share":    sqlShare,
	"selfsame_put":      sqlPut,
	"selfsame_insert":   sqlInsert,
	"selfsame_delete":   sqlDelete,
	"selfsame_get":      sqlGet,
}

// prepare runs on each new connection; one round trip.
func prepare(ctx context.Context, conn *pgx.Conn) error {
	p := conn.PgConn().StartPipeline(ctx)
	for name, sql := range prepared {
		p.SendPrepare(name, sql, nil)
	}
	if err := p.Sync(); err != nil {
		return err
	}
	for range len(prepared) + 1 {
		if _, err := p.GetResults(); err != nil {
			return err
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

// boolArray encodes values as a BOOL[] parameter.
func boolArray(values []bool) []byte {
	b := arrayHead(make([]byte, 0, 20+5*len(values)), pgtype.BoolOID, len(values))
	for _, v := range values {
		b = append(b, 0, 0, 0, 1, 0)
		if v {
			b[len(b)-1] = 1
		}
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
