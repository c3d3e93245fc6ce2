package kv

import "fmt"

// Check returns an error for a batch that no backend would take: ErrInvalid
// for an empty key, ErrTooLarge for a key, a value or a batch over the limits.
// Every backend calls it before it does anything else.
func (b *Batch) Check() error {
	if b.bytes > MaxBatchBytes {
		return fmt.Errorf("%w: the batch has %d bytes, %d are allowed", ErrTooLarge, b.bytes, MaxBatchBytes)
	}
	for i := range b.ops {
		op := &b.ops[i]
		if op.Kind == OpDeleteRange { // bounds need not be keys
			continue
		}
		switch {
		case len(op.Key) == 0:
			return fmt.Errorf("%w: empty key", ErrInvalid)
		case len(op.Key) > MaxKeyBytes:
			return fmt.Errorf("%w: a key has %d bytes, %d are allowed", ErrTooLarge, len(op.Key), MaxKeyBytes)
		case len(op.Value) > MaxValueBytes:
			return fmt.Errorf("%w: a value has %d bytes, %d are allowed", ErrTooLarge, len(op.Value), MaxValueBytes)
		}
	}
	return nil
}

// CheckLimit returns ErrInvalid for a limit of Scan that is under 1.
func CheckLimit(limit int) error {
	if limit < 1 {
		return fmt.Errorf("%w: limit %d of a scan", ErrInvalid, limit)
	}
	return nil
}
