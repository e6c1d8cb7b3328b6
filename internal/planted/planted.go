// Package planted says which defect the process has. It has none, unless it is built with the tag unio_planted and the environment
// names one of those below: each is a mistake that a program of this kind has made, put where it would be made, and a test runs
// with it to show that the simulation finds it. Without the tag Bug is constant, so that nothing of them is left in an ordinary
// build.
package planted

// Variable is the environment variable that names the defect.
const Variable = "UNIO_PLANTED"

// The defects.
const (
	None              = ""
	EarlyFree         = "earlyfree"         // unio: what is left of a received buffer is released with the first piece of it
	TailReuse         = "tailreuse"         // unio: Write appends to a buffer that the engine has already
	LostWake          = "lostwake"          // loop: now and then mail does not wake its loop
	ParcelOrder       = "parcelorder"       // unio: what another loop has written is sent newest first
	DroppedData       = "droppeddata"       // unio: what arrives when the reader has given up is dropped
	EarlyEnd          = "earlyend"          // unio: CloseWrite does not wait for what was written before
	Interleaved       = "interleaved"       // unio: a long Write does not hold other writers off
	LateTimer         = "latetimer"         // unio: a timer that is set is not set to an earlier time
	Leak              = "leak"              // unio: a connection that fails keeps the buffers that it had to send
	DoubleClose       = "doubleclose"       // unio: a connection gives its descriptor back twice
	DoubledCompletion = "doubledcompletion" // simengine: an operation completes twice
	LostCompletion    = "lostcompletion"    // simengine: an operation never completes
	EarlyCompletion   = "earlycompletion"   // simengine: a send completes before its buffers have been read
	DroppedEnd        = "droppedend"        // simengine: the end of a stream is lost
	Unbounded         = "unbounded"         // simengine: what nobody reads is received without a bound
)
