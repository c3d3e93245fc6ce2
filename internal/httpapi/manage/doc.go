// Package manage serves what people and their tools do to a server, under
// /api/: spaces, sources, tokens, rules, refused messages, the change feed,
// import, statistics and verification. All of it asks for the admin token.
package manage
