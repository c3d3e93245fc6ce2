package app

import "syscall"

// connections is how many connections are open at once. Half of the files that the process may have open
// are left to the store.
func connections() int {
	const most = 16384
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil || lim.Cur/2 > most {
		return most
	}
	return max(int(lim.Cur/2), 16)
}
