// Package catalog knows the spaces of a server, the sources whose events they
// take and the tokens that may read their profiles. It is kept in the store,
// under its own key prefix, with hashes in the place of secrets, and whole in
// memory, where the hot path looks a write key up.
//
// An entry comes from the configuration file (it is declared, and only the file
// changes it) or from the API.
package catalog
