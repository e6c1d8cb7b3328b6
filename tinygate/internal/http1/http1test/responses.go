package http1test

// other is what an upstream must not be able to say to another request than its own.
const other = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother"

func refuseResponse(section, name, in, reason string) Response {
	return Response{Section: section, Name: name, Method: "GET", In: in, Reason: reason}
}

// passResponse is one after which the upstream's connection is used again.
func passResponse(section, name, method, in, out string) Response {
	return Response{Section: section, Name: name, Method: method, In: in, Out: out, Reuse: true}
}

// lastResponse is one after which it is not.
func lastResponse(section, name, method, in, out string) Response {
	return Response{Section: section, Name: name, Method: method, In: in, Out: out}
}

func status(line string, lines ...string) string {
	return head(append([]string{"HTTP/1.1 " + line}, lines...)...)
}

// Responses returns the table of responses, those with a chunked body included.
func Responses() []Response {
	var rows []Response
	for _, part := range [][]Response{statusLine, responseFraming, withoutContent, interim} {
		rows = append(rows, part...)
	}
	chunked := status("200 OK", "Transfer-Encoding: chunked")
	for _, c := range Chunks {
		rows = append(rows, Response{Section: c.Section, Name: "chunks: " + c.Name, Method: "GET", In: chunked + c.In, Out: chunked,
			Reason: c.Reason, Spoiled: true})
	}
	return rows
}

var statusLine = []Response{
	refuseResponse("4", "lines end in LF", "HTTP/1.1 200 OK\nContent-Length: 2\n\nok", "LF without CR"),
	refuseResponse("4", "a field line ends in LF", "HTTP/1.1 200 OK\r\nX: y\n\r\n", "LF without CR"),
	refuseResponse("4", "CR in the reason", "HTTP/1.1 200 OK\rX\r\n\r\n", "CR without LF"),
	refuseResponse("4", "NUL in the reason", "HTTP/1.1 200 O\x00K\r\n\r\n", "control"),
	refuseResponse("4", "an empty line before", "\r\n"+status("200 OK", "Content-Length: 0"), "version"),
	refuseResponse("4", "two digits", status("20 OK"), "status"),
	refuseResponse("4", "four digits", status("2000 OK"), "status"),
	refuseResponse("4", "below 100", status("099 OK"), "status"),
	refuseResponse("4", "a sign", status("+20 OK"), "status"),
	refuseResponse("4", "letters", status("2xx OK"), "status"),
	refuseResponse("4", "no status", "HTTP/1.1\r\n\r\n", "status"),
	refuseResponse("4", "two spaces", "HTTP/1.1  200 OK\r\n\r\n", "status"),
	refuseResponse("4", "tab", "HTTP/1.1\t200 OK\r\n\r\n", "status"),
	refuseResponse("4", "the code runs into the reason", status("200OK"), "status"),
	refuseResponse("2.3", "HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", "version"),
	passResponse("RFC 9110 2.5", "HTTP/1.2", "GET", head("HTTP/1.2 200 OK", "A: b", "Content-Length: 0"),
		status("200 OK", "A: b", "Content-Length: 0")),
	refuseResponse("2.3", "lower case", "http/1.1 200 OK\r\n\r\n", "version"),
	refuseResponse("2.3", "another protocol", "ICY 200 OK\r\n\r\n", "version"),
	refuseResponse("2.3", "HTTP/0.9", "<html>hello</html>", "version"),
	passResponse("4", "no space behind the code", "GET", status("200", "Content-Length: 0"), status("200 ", "Content-Length: 0")),
	refuseResponse("5.1", "space before the colon", status("200 OK", "Content-Length : 2")+"ok", "white space"),
	refuseResponse("5.2", "folded", status("200 OK", "X: y", " z"), "folded"),
	refuseResponse("5.2", "a folded Transfer-Encoding", status("200 OK", "Transfer-Encoding:", " chunked")+"0\r\n\r\n", "chunked"),
	refuseResponse("RFC 9110 5.5", "CR in a value", status("200 OK", "Location: /\rSet-Cookie: a=b"), "CR without LF"),
	refuseResponse("RFC 9110 5.5", "LF in a value", status("200 OK", "Location: /\nSet-Cookie: a=b"), "LF without CR"),
}

var responseFraming = []Response{
	refuseResponse("6.3", "length, then chunked", status("200 OK", "Content-Length: 5", "Transfer-Encoding: chunked")+"0\r\n\r\n", "both"),
	refuseResponse("6.3", "chunked, then length", status("200 OK", "Transfer-Encoding: chunked", "Content-Length: 5")+"0\r\n\r\n", "both"),
	refuseResponse("6.3", "two lengths", status("200 OK", "Content-Length: 2", "Content-Length: 3")+"oko", "more than one"),
	refuseResponse("6.3", "two lengths that are alike", status("200 OK", "Content-Length: 2", "Content-Length: 2")+"ok", "more than one"),
	refuseResponse("6.3", "a list", status("200 OK", "Content-Length: 2, 2")+"ok", "Content-Length"),
	refuseResponse("6.2", "a sign", status("200 OK", "Content-Length: +2")+"ok", "Content-Length"),
	refuseResponse("6.2", "above an int64", status("200 OK", "Content-Length: 9223372036854775808"), "Content-Length"),
	refuseResponse("6.1", "another coding", status("200 OK", "Transfer-Encoding: gzip"), "chunked"),
	refuseResponse("6.1", "another coding before", status("200 OK", "Transfer-Encoding: gzip, chunked"), "coding"),
	refuseResponse("6.1", "two lines", status("200 OK", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), "more than one"),
	refuseResponse("6.1", "chunked in HTTP/1.0", head("HTTP/1.0 200 OK", "Transfer-Encoding: chunked")+"0\r\n\r\n", "HTTP/1.0"),
	passResponse("6.2", "leading zeros", "GET", status("200 OK", "Content-Length: 002")+"ok", status("200 OK", "Content-Length: 2")+"ok"),
	passResponse("7.1.1", "extensions end here", "GET", status("200 OK", "Transfer-Encoding: chunked")+"2;a=b\r\nok\r\n0;c\r\n\r\n",
		status("200 OK", "Transfer-Encoding: chunked")+"2\r\nok\r\n0\r\n\r\n"),
	passResponse("7.1", "spaces behind a size end here", "GET", status("200 OK", "Transfer-Encoding: chunked")+"2  \t\r\nok\r\n0 \r\n\r\n",
		status("200 OK", "Transfer-Encoding: chunked")+"2\r\nok\r\n0\r\n\r\n"),
	passResponse("7.1.1", "a space before an extension", "GET",
		status("200 OK", "Transfer-Encoding: chunked")+"2 ;a=b\r\nok\r\n0\t; c\r\n\r\n",
		status("200 OK", "Transfer-Encoding: chunked")+"2\r\nok\r\n0\r\n\r\n"),
	passResponse("RFC 9110 6.5.1", "a trailer frames nothing", "GET",
		status("200 OK", "Transfer-Encoding: chunked")+"0\r\nContent-Length: 5\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\n\r\n",
		status("200 OK", "Transfer-Encoding: chunked")+"0\r\nX-Sum: 1\r\n\r\n"),
	{Section: "6.3", Name: "neither field", Method: "GET", In: status("200 OK") + "ok", End: true,
		Out: status("200 OK", "Transfer-Encoding: chunked") + "2\r\nok\r\n0\r\n\r\n"},
	{Section: "8", Name: "shorter than its length", Method: "GET", In: status("200 OK", "Content-Length: 5") + "ok", End: true,
		Out: status("200 OK", "Content-Length: 5") + "ok", Reason: "early", Spoiled: true},
	{Section: "8", Name: "chunks that do not end", Method: "GET",
		In: status("200 OK", "Transfer-Encoding: chunked") + "2\r\nok\r\n", End: true,
		Out: status("200 OK", "Transfer-Encoding: chunked"), Reason: "early", Spoiled: true},
	lastResponse("9.2", "longer than its length", "GET",
		status("200 OK", "Content-Length: 2")+"ok"+other, status("200 OK", "Content-Length: 2")+"ok"),
	lastResponse("9.2", "a second response behind the last chunk", "GET", status("200 OK", "Transfer-Encoding: chunked")+"0\r\n\r\n"+other,
		status("200 OK", "Transfer-Encoding: chunked")+"0\r\n\r\n"),
	lastResponse("9.6", "close", "GET",
		status("200 OK", "Connection: close", "Content-Length: 2")+"ok", status("200 OK", "Content-Length: 2")+"ok"),
	passResponse("RFC 9110 7.6.1", "Connection names Content-Length", "GET",
		status("200 OK", "Connection: content-length", "Content-Length: 2")+"ok",
		status("200 OK", "Content-Length: 2")+"ok"),
	passResponse("RFC 9110 7.6.1", "Connection names a trailer", "GET",
		status("200 OK", "Connection: X-Hop", "Transfer-Encoding: chunked")+"0\r\nX-Sum: 1\r\nx-hop: 1\r\n\r\n",
		status("200 OK", "Transfer-Encoding: chunked")+"0\r\nX-Sum: 1\r\n\r\n"),
}

var withoutContent = []Response{
	passResponse("6.3", "HEAD with a length", "HEAD", status("200 OK", "Content-Length: 5"), status("200 OK", "Content-Length: 5")),
	passResponse("6.3", "HEAD with chunked", "HEAD", status("200 OK", "Transfer-Encoding: chunked"), status("200 OK")),
	lastResponse("6.3", "HEAD with a body", "HEAD", status("200 OK", "Content-Length: 5")+"other", status("200 OK", "Content-Length: 5")),
	passResponse("6.3", "304 with a length", "GET",
		status("304 Not Modified", "Content-Length: 5"), status("304 Not Modified", "Content-Length: 5")),
	lastResponse("6.3", "304 with a body", "GET", status("304 Not Modified", "Content-Length: 5")+"other",
		status("304 Not Modified", "Content-Length: 5")),
	passResponse("6.3", "204", "GET", status("204 No Content"), status("204 No Content")),
	lastResponse("6.3", "204 with a length", "GET", status("204 No Content", "Content-Length: 5"), status("204 No Content")),
	lastResponse("6.3", "204 with a body", "GET", status("204 No Content", "Content-Length: 5")+"other", status("204 No Content")),
	lastResponse("6.3", "204 with chunks", "GET", status("204 No Content", "Transfer-Encoding: chunked")+"5\r\nother\r\n0\r\n\r\n",
		status("204 No Content")),
	refuseResponse("6.3", "204 with two lengths",
		status("204 No Content", "Content-Length: 0", "Content-Length: 5")+"other", "more than one"),
}

var interim = []Response{
	passResponse("RFC 9110 15.2", "103", "GET", status("103 Early Hints", "Link: x")+status("200 OK", "Content-Length: 2")+"ok",
		status("103 Early Hints", "Link: x")+status("200 OK", "Content-Length: 2")+"ok"),
	passResponse("RFC 9110 15.2", "two of them", "GET",
		status("100 Continue")+status("102 Processing")+status("200 OK", "Content-Length: 0"),
		status("100 Continue")+status("102 Processing")+status("200 OK", "Content-Length: 0")),
	passResponse("6.3", "an interim response has no body", "GET",
		status("103 Early Hints", "Content-Length: 5")+status("200 OK", "Content-Length: 2")+"ok",
		status("103 Early Hints")+status("200 OK", "Content-Length: 2")+"ok"),
	{Section: "RFC 9110 15.2", Name: "garbage behind an interim response", Method: "GET", In: status("103 Early Hints") + "garbage",
		Out: status("103 Early Hints"), Reason: "version"},
	refuseResponse("RFC 9110 15.2.2", "101 that nobody has asked for",
		status("101 Switching Protocols", "Connection: upgrade", "Upgrade: x")+other, "101"),
}
