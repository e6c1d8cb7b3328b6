// Package edit changes the header fields of a message as a route asks for it, and puts texts together from literal
// pieces and variables. Both are compiled when a configuration is loaded; nothing is parsed or allocated per message.
//
// An [Edit] first drops fields, by [Edit.Drop], and later appends field lines, by [Edit.Append]:
//
//   - Remove drops all lines of a name. Names are compared without case (RFC 9110 5.1) and with '_' for '-': see [http1.Alike].
//   - Set drops all lines of a name and appends one.
//   - Add appends a line, whatever is there.
//
// A line is left out when its value comes out empty, as when a variable has no value (nginx does the same with
// proxy_set_header), and when a variable would put a control character into it, so that no text from outside can begin a
// line of its own. What Set has dropped stays dropped then: the receiver sees no value rather than one from outside.
//
// Fields that say how a message is framed or what becomes of a connection are the gate's to decide, and an Edit that names
// one is refused. Host can be set in a request, and is then written by who writes the head: see [Edit.Host].
package edit
