// Package uniotls is crypto/tls for the connections of unio: tasks may read and write one TLS connection at the same
// time. The protocol is crypto/tls throughout; the package only decides who waits where.
//
// # Why it exists
//
// crypto/tls holds mutexes while it reads from and writes to the connection below it. That is right for goroutines, so
// tls.Server(c, cfg) on a [unio.Conn] works from goroutines, and from one task alone. Two tasks on one tls.Conn stop
// their loop: the one waits, parked, below a mutex, and the other blocks the thread that would wake it. A peer can bring
// that about by a key update (RFC 8446, 4.6.3), which the reader has to answer while a writer waits for the peer to read.
//
// Here nothing waits below crypto/tls when it writes: sealed records that the connection does not take at once are queued,
// and whoever called crypto/tls has them sent after it has returned. A Write waits for room before it seals the next 32 KiB.
// What a reader has to answer is sent beside it; a peer that goes on asking and does not read is given up when 128 KiB wait
// for it, with an error.
//
// # What runs where
//
// A handshake runs in the task that asks for it. Off the loop, on a goroutine while the task is parked ([unio.Offload]),
// run the operations of private keys (signing, and RSA decryption), all callbacks of tls.Config (GetCertificate,
// GetClientCertificate, GetConfigForClient, GetEncryptedClientHelloKeys, VerifyPeerCertificate, VerifyConnection,
// WrapSession, UnwrapSession) and the first reading of the system's root certificates. They may block. A callback must
// not use the connection whose handshake it is part of. One that panics or calls runtime.Goexit does so to who asked for
// the handshake, which has not succeeded then.
//
// On the loop remain key agreement, the verification of the peer's certificates and sealing: together some 0.2 to 0.6 ms
// of computation for a handshake, and 2 to 5 us for a record of 16 KiB. Rand, Time, KeyLogWriter and ClientSessionCache
// of the Config are called there too and must not block. Where one loop must not be held even so long, the program calls
// Handshake within unio.Offload: then all of it runs on a goroutine.
//
// Called from a goroutine, everything runs there. A coroutine that a handler makes itself may use a connection that
// nobody else uses at that time, within the limits that package unio sets; it cannot wait for others.
//
// # Sessions
//
// Session tickets work as with the given tls.Config itself: its keys are shared by all connections made from it, and
// SetSessionTicketKeys holds for those made later.
//
// # Memory
//
// A connection that is read holds, as with crypto/tls, memory for the largest record that it has received, up to 17 KiB;
// buffers of the pool it holds only while there is something in them that has not been read, and none while it waits for one:
// what has arrived is moved to the heap then. crypto/tls is given one record at a time, so that Await knows what is there;
// sealed bytes that the connection below has not taken are bounded by 128 KiB, and by what one handshake sends.
//
// # net/http
//
// http.Server and http.Transport know the type *tls.Conn and speak HTTP/2 on no other. They use goroutines, so they need
// nothing of this package: give them the plain [unio.Listener] by http.Server.ServeTLS, and [unio.Runtime.DialContext] as
// the Transport's DialContext. http.Server.Serve on a Listener of this package speaks HTTP/1.1, and Request.TLS says nothing
// there, since net/http asks before the handshake.
package uniotls
