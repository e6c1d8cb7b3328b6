// Package uniolog has a handler for log/slog that never blocks who logs: a record is put into a bounded queue and a
// goroutine hands it to another handler. A task that logs to a slow disk or terminal else holds its loop, and with it
// every connection of the loop. It serves goroutines as well, whose latency then has no part in the log's.
//
//	h := uniolog.New(slog.NewJSONHandler(os.Stderr, nil), nil)
//	defer h.Close(context.Background())
//	log := slog.New(h)
//	rt, err := unio.New(&unio.Options{Logger: log})
//
// The price is that the last records before a crash may be lost, and that a flood is cut: what finds the queue full is
// dropped and counted, and a later record tells how many were. It is not for an audit trail.
package uniolog
