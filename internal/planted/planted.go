// Package planted says which defect the build has. It has none, unless a build tag asks for one of those below: each is a
// mistake that a program of this kind has made, put where it would be made, and a test builds with it to show that the
// simulation finds it. What is compared with Bug is constant, so that nothing of it is left in an ordinary build.
package planted

// The defects. The tag of EarlyFree is unio_bug_earlyfree, and so on.
const (
	None              = iota
	EarlyFree         // unio: what is left of a received buffer is released with the first piece of it
	TailReuse         // unio: Write appends to a buffer that the engine has already
	LostWake          // loop: now and then mail does not wake its loop
	ParcelOrder       // unio: what another loop has written is sent newest first
	DroppedParcel     // unio: CloseWrite drops what others write while it waits
	DroppedData       // unio: what arrives when the reader has given up is dropped
	EarlyEnd          // unio: CloseWrite does not wait for what was written before
	Interleaved       // unio: a long Write does not hold other writers off
	LateTimer         // unio: a timer that is set is not set to an earlier time
	Leak              // unio: a connection that fails keeps the buffers that it had to send
	DoubleClose       // unio: a connection gives its descriptor back twice
	DoubledCompletion // simengine: an operation completes twice
	LostCompletion    // simengine: an operation never completes
	EarlyCompletion   // simengine: a send completes before its buffers have been read
	DroppedEnd        // simengine: the end of a stream is lost
	Unbounded         // simengine: what nobody reads is received without a bound
)
