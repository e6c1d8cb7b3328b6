// Package soak loads a server on unio for a long time with what bad days bring (churn, slow readers, resets, half-closed
// peers, stalls, floods that nobody reads) and says whether the server was the same at the end as in the beginning.
//
// Server and load are processes of their own. Each byte in both directions belongs to a stream that its connection's seed
// makes, and is compared; each polite conversation ends with the count of what the server received. What must be flat or
// zero at the end is memory, descriptors, goroutines, connections, tasks, buffers and operations in flight.
package soak
