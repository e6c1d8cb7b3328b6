// Package randread compares ways to read 4 KiB at random places of many files: unio's calls on its engines, os.File, mmap,
// Linux AIO, and fio.
//
// Every contender runs in a process of its own, for a slice of a second at a time, in turn with the others and in shuffled
// order, so that a change of the machine's speed meets them all. Each keeps a number of reads in flight: as many closed
// loops, without a pause between one read and the next. The latency of a read is the time from the end of the read before
// it in its loop to its own end. So what a loop waits for its turn on a CPU is charged to the reads, and a read that begins
// within the slice is counted however late it ends: nothing is left out because the contender was too busy to ask.
//
// Samples are kept as a file in the Go benchmark format and the heat maps in a file beside it. Tables, the check and the
// report are made from these only.
package randread
