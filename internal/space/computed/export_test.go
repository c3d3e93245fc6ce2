package computed

import (
	"context"
	"errors"
	"time"
)

// Settle evaluates until there is nothing left to do.
func (c *Computed) Settle(ctx context.Context) error {
	e := c.evaluator
	fence, err := e.lease.Hold(ctx)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		more, _, err := e.round(ctx, fence)
		if err != nil || !more {
			if err != nil {
				e.pos = nil
			}
			return err
		}
		if n > 100_000 {
			return errors.New("it does not come to an end")
		}
	}
}

var _ = time.Now
