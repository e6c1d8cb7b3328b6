package http1test

import "strings"

// Chunk is a chunked body that is wrong, in requests as in responses.
type Chunk struct {
	Section, Name string
	In            string
	Status        int // in a request; in a response it is always 502
	Reason        string
}

// Chunks are what is refused in a chunked body.
var Chunks = []Chunk{
	{"7.1", "no size", "\r\n", 400, "size"},
	{"7.1", "an extension without a size", ";a\r\n", 400, "size"},
	{"7.1", "no digit", "g\r\n", 400, "size"},
	{"7.1", "plus", "+1\r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "minus", "-1\r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "0x", "0x1\r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "underscore", "1_0\r\n0123456789abcdef\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "space before", " 1\r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "digits behind a space", "1 0\r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "a name behind a space", "1 a\r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "LF behind a space", "1 \nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "CR behind a space", "1 \rx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "only a space", " \r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "empty line before", "\r\n1\r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "LF behind the size", "1\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "CR behind the size", "1\rx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "one above an int64", "8000000000000000\r\n", 400, "size"},
	{"7.1", "wraps a uint64 to five", "10000000000000005\r\nhello\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "wraps a uint32 to five and has seventeen digits", "00000000100000005\r\nhello\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "seventeen digits", "00000000000000001\r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "data longer than the size", "1\r\nxy\r\n0\r\n\r\n", 400, "CRLF"},
	{"7.1", "data shorter than the size", "5\r\nx\r\n0\r\n\r\n0\r\n\r\n", 400, "CRLF"},
	{"7.1", "LF behind the data", "1\r\nx\n0\r\n\r\n", 400, "CRLF"},
	{"7.1", "CR behind the data", "1\r\nx\r0\r\n\r\n", 400, "CRLF"},
	{"7.1", "nothing behind the data", "1\r\nx0\r\n\r\n", 400, "CRLF"},
	{"7.1.1", "LF in an extension", "1;a\nx\r\n0\r\n\r\n", 400, "extension"},
	{"7.1.1", "CR in an extension", "1;a\rb\r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1.1", "LF in a quoted extension", "1;a=\"\n\"\r\nx\r\n0\r\n\r\n", 400, "extension"},
	{"7.1.1", "NUL in an extension", "1;\x00\r\nx\r\n0\r\n\r\n", 400, "extension"},
	{"7.1.1", "a long extension", "1;" + strings.Repeat("a", 5000) + "\r\nx\r\n0\r\n\r\n", 400, "extensions too long"},
	{"7.1.1", "many extensions", strings.Repeat("1;"+strings.Repeat("a", 100)+"\r\nx\r\n", 50) + "0\r\n\r\n", 400, "extensions too long"},
	{"7.1.2", "the trailer section ends in LF", "0\r\n\n", 400, "LF"},
	{"7.1.2", "a line ends in LF", "0\r\nX: y\n\r\n", 400, "LF"},
	{"7.1.2", "no colon", "0\r\nX\r\n\r\n", 400, "name"},
	{"7.1.2", "no name", "0\r\n: y\r\n\r\n", 400, "name"},
	{"7.1.2", "space before the colon", "0\r\nX : y\r\n\r\n", 400, "white space"},
	{"7.1.2", "folded", "0\r\nX: y\r\n z\r\n\r\n", 400, "folded"},
	{"7.1.2", "NUL", "0\r\nX: \x00\r\n\r\n", 400, "control"},
	{"7.1.2", "CR in a value", "0\r\nX: a\rb\r\n\r\n", 400, "control"},
	{"7.1.2", "a long line", "0\r\nX: " + strings.Repeat("a", 9000) + "\r\n\r\n", 431, "trailer"},
	{"7.1.2", "many lines", "0\r\n" + strings.Repeat("Host: aaaa\r\n", 900), 431, "trailer"},
}

// chunksOfRequests are refused in requests alone: servers are known that fill their sizes up with spaces.
var chunksOfRequests = []Chunk{
	{"7.1", "space behind", "1 \r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1", "tab behind", "1\t\r\nx\r\n0\r\n\r\n", 400, "size"},
	{"7.1.1", "space before an extension", "1 ;a\r\nx\r\n0\r\n\r\n", 400, "size"},
}

func chunkedOut(body string) string { return post("Transfer-Encoding: chunked") + body }

var chunksPassed = []Request{
	pass("7.1", "sizes are written anew", chunkedOut("005\r\nhello\r\n00\r\n\r\n")+plain, chunkedOut("5\r\nhello\r\n0\r\n\r\n"), plain),
	pass("7.1", "capitals", chunkedOut("A\r\n0123456789\r\n0\r\n\r\n")+plain, chunkedOut("a\r\n0123456789\r\n0\r\n\r\n"), plain),
	pass("7.1", "a request within a chunk", chunkedOut("23\r\n"+smuggled+"\r\n0\r\n\r\n")+plain,
		chunkedOut("23\r\n"+smuggled+"\r\n0\r\n\r\n"), plain),
	pass("7.1.1", "extensions end here", chunkedOut("1;a=b;c=\"d;e\"\r\nx\r\n0;f\r\n\r\n")+plain, chunkedOut("1\r\nx\r\n0\r\n\r\n"), plain),
	pass("7.1.2", "a trailer", chunkedOut("0\r\nX-Sum: 1\r\n\r\n")+plain, chunkedOut("0\r\nX-Sum: 1\r\n\r\n"), plain),
	pass("RFC 9110 6.5.1", "a trailer frames nothing",
		chunkedOut("0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nContent_Length: 5\r\n\r\n")+plain, chunkedOut("0\r\n\r\n"), plain),
	pass("RFC 9110 6.5.1", "a trailer neither routes nor vouches",
		chunkedOut("0\r\nHost: b\r\nAuthorization: x\r\nX-Forwarded-For: 9.9.9.9\r\nX_Real_IP: 9.9.9.9\r\n\r\n")+plain,
		chunkedOut("0\r\n\r\n"), plain),
	pass("RFC 9110 7.6.1", "Connection names trailers",
		post("Connection: x-hop , X-Sum", "Connection: X-Last", "Transfer-Encoding: chunked")+
			"0\r\nX-Hop: 1\r\nX-LAST: 1\r\nX: 1\r\nx-sum: 1\r\n\r\n"+chunkedOut("0\r\nX-Hop: 1\r\n\r\n"),
		chunkedOut("0\r\nX: 1\r\n\r\n"), chunkedOut("0\r\nX-Hop: 1\r\n\r\n")),
}
