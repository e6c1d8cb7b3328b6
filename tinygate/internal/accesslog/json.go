package accesslog

import "strconv"

// jsonFixed is more than all of a JSON line but its texts.
const jsonFixed = 1024

// appendJSONLine appends a whole line. The order of the fields is that of the documentation.
func (w *Writer) appendJSONLine(b []byte, e *Entry, truncated bool) []byte {
	b = append(b, `{"time":"`...)
	b = w.clock.appendUTC(b, e.Time)
	b = append(b, '"')
	b = member(b, `,"client":"`, e.Client)
	b = member(b, `,"method":"`, e.Method)
	b = member(b, `,"host":"`, e.Host)
	b = member(b, `,"path":"`, e.Path)
	b = member(b, `,"query":"`, e.Query)
	b = member(b, `,"protocol":"`, bytesOf(e.Protocol))
	b = appendCount(append(b, `,"status":`...), int64(e.Status))
	b = appendCount(append(b, `,"bytes_sent":`...), e.BytesSent)
	b = appendCount(append(b, `,"bytes_received":`...), e.BytesReceived)
	b = appendSeconds(append(b, `,"duration":`...), e.Duration)
	b = member(b, `,"route":"`, bytesOf(e.Route))
	b = member(b, `,"upstream":"`, bytesOf(e.Upstream))
	b = member(b, `,"server":"`, bytesOf(e.Server))
	if e.Tries != 0 {
		b = appendSeconds(append(b, `,"upstream_duration":`...), e.UpstreamDuration)
		b = appendCount(append(b, `,"tries":`...), int64(e.Tries))
	}
	b = member(b, `,"request_id":"`, e.RequestID)
	b = member(b, `,"user_agent":"`, e.UserAgent)
	b = member(b, `,"referer":"`, e.Referer)
	if e.TLS != 0 {
		b = append(append(append(b, `,"tls":"`...), tlsName(e.TLS)...), '"')
	}
	b = member(b, `,"error":"`, bytesOf(e.Error))
	if truncated {
		b = append(b, `,"truncated":true`...)
	}
	if w.lost > 0 {
		b = strconv.AppendUint(append(b, `,"dropped":`...), w.lost, 10)
	}
	return append(b, '}', '\n')
}

// member appends a text, unless it is empty.
func member(b []byte, key string, s []byte) []byte {
	if len(s) == 0 {
		return b
	}
	return append(appendJSON(append(b, key...), s), '"')
}
