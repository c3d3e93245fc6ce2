package pgkv

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// step is one statement of a pipeline, its parameters in binary form.
type step struct {
	name   string // a prepared statement; or
	sql    string // a text
	params [][]byte
}

var binaryFormat = []int16{1}

// run sends steps in one go and waits for all their results: one round trip.
// Of the last step the rows go to row, whose values are valid during the call
// only. If it fails, failed is the number of the step that the server refused,
// or len(steps) if the connection failed or it is not known.
func run(ctx context.Context, conn *pgconn.PgConn, steps []step, row func(values [][]byte)) (failed int, err error) {
	p := conn.StartPipeline(ctx)
	for _, s := range steps {
		if s.name != "" {
			p.SendQueryPrepared(s.name, s.params, binaryFormat, binaryFormat)
		} else {
			p.SendQueryParams(s.sql, s.params, nil, binaryFormat, binaryFormat)
		}
	}
	if err := p.Sync(); err != nil {
		_ = p.Close()
		return len(steps), err
	}
	for i := range steps {
		err := result(p, i == len(steps)-1, row)
		if err == nil {
			continue
		}
		_ = p.Close() // reads up to the end of the pipeline, or closes the connection
		if code(err) == "" {
			i = len(steps)
		}
		return i, err
	}
	return len(steps), p.Close()
}

func result(p *pgconn.Pipeline, last bool, row func(values [][]byte)) error {
	res, err := p.GetResults()
	if err != nil {
		return err
	}
	rr, ok := res.(*pgconn.ResultReader)
	if !ok {
		return errOutOfStep
	}
	for rr.NextRow() {
		if last && row != nil {
			row(rr.Values())
		}
	}
	_, err = rr.Close()
	return err
}
