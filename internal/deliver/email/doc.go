// Package email is the kind of destinations that write mails, through the SMTP server
// of whoever runs this one.
//
// Anybody who has a public write key can set an e-mail address and traits. So an
// address gets no more mails once it has unsubscribed or bounced, whosever it becomes;
// traits are escaped, and never become headers; and a destination may ask for traits
// that a trusted source set.
//
// A mail is sent at most once. Before anything is said to the server, the intent is on
// the disk; if it is not known afterwards whether the server took the mail, it is
// listed, and people decide.
package email
