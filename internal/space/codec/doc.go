// Package codec says how a space lies in its store: every kind of key in one
// typed table (keys.go), and the encodings of the records behind them. It reads
// and writes nothing itself.
package codec
