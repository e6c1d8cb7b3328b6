// Package certs makes the TLS of the gate from files: towards clients, with a certificate for each name, and towards
// upstreams.
//
// The files of a Server are looked at every few seconds, and what has changed is taken when it is good as a whole: a pair
// whose key does not belong to its certificate is not taken, and the old one stays in use. Names behind symbolic links are
// followed each time, so that a swap of a link (as Kubernetes does with secrets) is a change. Connections keep what they
// have begun with.
//
// Session tickets are sealed with keys of our own, which change in fixed times; a ring of keys outlives the configurations
// that use it, so that sessions resume across a reload.
package certs
