// Package journal is a log that is written and read over the network, in which the program copies no byte: the buffers into
// which the engine has received are written to the file as they are, and the buffers that were read from the file are sent.
//
// # Protocol
//
// A client sends requests, of which any number may be under way, and gets their answers in order. Everything begins with a
// head of 16 bytes; numbers are little-endian:
//
//	byte  0      kind
//	bytes 1-3    zero
//	bytes 4-7    length
//	bytes 8-15   checksum or offset
//
//	request          length              8-15
//	'A' append       of the record       CRC-32C of bytes 0 to 7 and the record, then four zeros; the record follows
//	'R' read         wanted at most      offset
//
//	answer           length              8-15
//	'a' appended     of the record       where it begins, with its head
//	'r' read         of what follows     its offset; 0 bytes: the journal ends here
//	'e' error        of what follows     zero; a sentence follows, and the server closes the connection
//
// A record has at most [RecordMax] bytes. 'a' says that it is durable, with everything before it. A read gives bytes of the
// journal as they are in the file, from any offset on, and nothing that is not durable yet.
//
// # File
//
// The file is the append requests as they came, one behind the other: head and record. So what a client reads has the
// checksums that a client made, and the file tells by them where it ends: after a crash [Open] looks for the first record
// that is not whole and cuts the file off there. Nobody was told that it is durable.
//
// # Tasks
//
// Each connection is a task. While it waits for the disk its socket goes on receiving, up to the limit of unread bytes; what
// has come by then is appended together, and the appends of all connections share one sync. All of it happens in one kind of
// buffer, and where the engine is uring the task's reads of the file go through the same ring as its socket.
package journal
