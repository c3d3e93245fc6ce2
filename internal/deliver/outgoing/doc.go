// Package outgoing makes the connections that leave this machine on behalf of a
// destination. Whoever may declare a destination names an address of his choice, so
// every connection is checked on the address that the name resolved to: what is not a
// public address is refused unless the configuration allows it. Redirects are not
// followed, proxies of the environment are not used, certificates are verified, and
// answers are bounded in time and in size.
package outgoing
