// Package cluster knows the servers of upstreams and their health, and chooses one for a request. It sends no requests:
// who does tells it how they went.
//
// # Who may call what
//
// A [Set] holds all upstreams of a program and lives as long as it does. Its methods may be called from any goroutine and
// may block, so they are not for tasks of a loop. A [Picker] is what one loop sees of a [Cluster] and belongs to the tasks
// of that loop. [Server.Began] and [Server.Ended] are given the loop that they are called from. What runs for each request,
// these three, takes no lock, does not block and allocates nothing: all that is known of a cluster is put together in the
// background as a view that does not change, and a Picker loads a pointer to see whether there is a new one. One request
// in as many as it takes to suspect a server starts a goroutine, which judges the server under the cluster's lock.
//
// A request goes like this:
//
//	s := picker.Pick(key, &tried, full)
//	if s == nil {
//		... // 503: there is no server, or none is left
//	}
//	s.Began(loop)
//	... // with a connection from s.Pools[loop]
//	s.Ended(loop, outcome)
//	... // on a failure that may be repeated, if picker.MayRetry(now, percent): from the beginning
//
// # When a server is used
//
// A server is up until a check says otherwise, as in haproxy: there is traffic from the first moment on, and a check at
// once; of many servers that are new together those are spread. The first check decides alone; later ones have to
// agree, Health.Rise or Health.Fall of them in a row.
//
// Beside the checks stands what requests find (Eject): after so many failures in a row a server is ejected, for
// Eject.For the first time and twice as long with each further time, to eight times that. A server that was back for eight
// times Eject.For without being ejected begins anew. A good check does not end an ejection: requests know better. Never
// more than Eject.Percent of a cluster's servers are ejected at once (rounded down: with 50 per cent, one of three), and
// never the last one that can take requests; a server that is spared for these reasons needs as many failures again to be
// judged again. See [Outcome] for what is a failure.
//
// A server that comes back (from an ejection, a failed check, a drain) or is new beside others (by a reload or by DNS)
// has a share that grows linearly to its weight over Eject.Return, in at most 32 steps, the first of which is not zero.
//
// # When none can be used
//
// Backups are asked when no other server can take a request: none is up, or all were tried for it. If no server at all is
// up, all that are not drained are used as if they were, backups too, as nginx does and as Envoy does below its panic
// threshold; haproxy would answer 503. Checks and failures may be wrong about all at once, above all when it is the checks
// that are broken, and a request that is tried and fails costs its client no more than one that is refused. A drained
// server gets nothing whatever happens, since it was a person who said so.
//
// A cluster whose names are being looked up for the first time has no server yet: [Picker.Await] tells when it may have one.
//
// A request is not sent twice to a server by a Picker: when all have been tried, there is none left.
package cluster
