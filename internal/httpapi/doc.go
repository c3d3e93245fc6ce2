// Package httpapi is the server's HTTP API: the Segment Tracking API (package
// tracking), the Profile API (package profiles) and the management of the
// server (package manage), with health checks and metrics. It decides what a
// request may do and how much of the machine it may use; everything else is
// decided below.
package httpapi
