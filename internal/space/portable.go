package space

// Portable reports whether a row of a store means the same in another store.
// The memory of recent messages does not, for an exclusive store keeps it in
// another form than a shared one; nor do leases, which belong to nodes.
func Portable(key []byte) bool {
	if len(key) < 4 || key[0] != spacePrefix {
		return true
	}
	return key[3] != kindRecent && key[3] != kindLease
}
