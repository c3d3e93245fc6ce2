// Package console serves the web console: the pages under "/" with which people
// look at a server and change it. Their source is in ui/; what `make console` made of
// it is embedded, and where nothing was built a page says how to. The console uses
// the HTTP API and nothing else.
package console
