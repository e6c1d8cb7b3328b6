// Package compare compares servers: the same small one on unio's engines, on package net and elsewhere, all measured in
// one run. There are two suites: echo servers, with gnet and C beside them, and HTTP servers.
//
// All servers are up at once on one CPU and are loaded in turn, in shuffled order, for slices so short that a
// change of the machine's speed meets them all. What is compared is CPU time per message, as a ratio within
// one round; the table shows the median of the rounds and their spread.
//
// Samples are kept as a file in the Go benchmark format. Tables, the check and the plot are made from samples
// only, so each of them can be made again from the file.
package compare
