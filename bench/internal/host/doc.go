// Package host knows the machine a comparison runs on: which CPUs it may use, how a process is pinned and
// kept from being disturbed, how much CPU time its threads have taken, and the facts that belong beside a
// measurement.
package host
