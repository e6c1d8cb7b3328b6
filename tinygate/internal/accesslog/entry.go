package accesslog

import "time"

// Entry is what is said about a request. The slices are only read, and only during Add.
type Entry struct {
	Time             time.Time // when the request began
	Duration         time.Duration
	UpstreamDuration time.Duration
	BytesSent        int64
	BytesReceived    int64
	Status           int    // 0: no response was sent
	Tries            int    // 0: no upstream was asked
	TLS              uint16 // tls.VersionTLS13 and so on; 0: plain

	Client    []byte
	Method    []byte
	Host      []byte
	Path      []byte
	Query     []byte // without '?'
	RequestID []byte
	UserAgent []byte
	Referer   []byte

	Protocol string
	Route    string
	Upstream string
	Server   string
	Error    string
}

// textBytes is the length of all texts.
func (e *Entry) textBytes() int {
	return len(e.Client) + len(e.Method) + len(e.Host) + len(e.Path) + len(e.Query) + len(e.RequestID) + len(e.UserAgent) +
		len(e.Referer) + len(e.Protocol) + len(e.Route) + len(e.Upstream) + len(e.Server) + len(e.Error)
}

// cut shortens all texts to n bytes.
func (e *Entry) cut(n int) {
	for _, b := range [...]*[]byte{&e.Client, &e.Method, &e.Host, &e.Path, &e.Query, &e.RequestID, &e.UserAgent, &e.Referer} {
		*b = (*b)[:min(n, len(*b))]
	}
	for _, s := range [...]*string{&e.Protocol, &e.Route, &e.Upstream, &e.Server, &e.Error} {
		*s = (*s)[:min(n, len(*s))]
	}
}

// entryTexts is how many texts an Entry has.
const entryTexts = 13
