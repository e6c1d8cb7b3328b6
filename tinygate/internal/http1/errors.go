package http1

import "strconv"

// Error says why a message was refused. Its values are made once, so they may be compared, and none is
// allocated while a message is read.
type Error struct {
	Status int    // what to answer the client: 400, 414, 417, 431, 501, 502 or 505
	Reason string // for logs; names the rule that was broken and holds no bytes of the message
}

// Error returns the status and the reason.
func (e *Error) Error() string { return "http1: " + strconv.Itoa(e.Status) + ": " + e.Reason }

// fault is a reason with the status it has in a request. A fault of a response is always 502.
type fault struct {
	request, response Error
}

func newFault(status int, reason string) *fault {
	return &fault{
		request:  Error{Status: status, Reason: reason},
		response: Error{Status: 502, Reason: "upstream: " + reason},
	}
}

var (
	faultBareCR       = newFault(400, "CR without LF")
	faultBareLF       = newFault(400, "LF without CR")
	faultControl      = newFault(400, "control character")
	faultMethod       = newFault(400, "invalid method")
	faultMethodLong   = newFault(501, "method too long")
	faultTarget       = newFault(400, "invalid character in request target")
	faultTargetForm   = newFault(400, "request target does not fit the method")
	faultEscape       = newFault(400, "invalid escape in path")
	faultScheme       = newFault(400, "scheme of request target is not http or https")
	faultAuthority    = newFault(400, "invalid authority in request target")
	faultVersionForm  = newFault(400, "malformed version")
	faultVersion      = newFault(505, "version is not one of HTTP/1")
	faultStatus       = newFault(400, "malformed status code")
	faultLineLong     = newFault(414, "start line too long")
	faultHeadLong     = newFault(431, "head too large")
	faultFieldLong    = newFault(431, "field line too long")
	faultFieldCount   = newFault(431, "too many field lines")
	faultFold         = newFault(400, "folded field line")
	faultName         = newFault(400, "invalid character in field name")
	faultNameEmpty    = newFault(400, "empty field name")
	faultAlias        = newFault(400, "field of the framing with an underscore")
	faultNameSpace    = newFault(400, "white space before colon")
	faultHostMissing  = newFault(400, "no Host")
	faultHostTwice    = newFault(400, "more than one Host")
	faultHost         = newFault(400, "invalid Host")
	faultLength       = newFault(400, "invalid Content-Length")
	faultLengthTwice  = newFault(400, "more than one Content-Length")
	faultCoding       = newFault(400, "Transfer-Encoding does not end in one chunked")
	faultCodingTwice  = newFault(400, "more than one Transfer-Encoding")
	faultCodingOther  = newFault(501, "transfer coding other than chunked")
	faultCodingOld    = newFault(400, "Transfer-Encoding in HTTP/1.0")
	faultCodingLength = newFault(400, "both Transfer-Encoding and Content-Length")
	faultContent      = newFault(400, "CONNECT or TRACE with content")
	faultExpect       = newFault(417, "unknown expectation")
	faultConnection   = newFault(400, "too many names in Connection")
	faultChunkSize    = newFault(400, "invalid chunk size")
	faultChunkExt     = newFault(400, "invalid chunk extension")
	faultChunkExtLong = newFault(400, "chunk extensions too long")
	faultChunkEnd     = newFault(400, "chunk is not followed by CRLF")
	faultTrailerLong  = newFault(431, "trailer section too large")
	faultTruncated    = newFault(400, "body ended early")
)
