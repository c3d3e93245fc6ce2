// Package answer writes what the HTTP API says: JSON, and every error in one
// shape. The one place that turns the errors of other packages into statuses,
// codes and words is Of.
package answer
