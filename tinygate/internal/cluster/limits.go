package cluster

import "time"

const (
	// triedMax is how many servers are tried for one request. Each try takes as long as a timeout in the worst case, so a
	// client would have gone long before.
	triedMax = 16

	// weightMax is what config allows; sums of a cluster's weights stay far from the end of an int64.
	weightMax = 1000

	// fullShare is the share of a server that is not coming back, and the unit of shares.
	fullShare = 1 << 10

	// returnSteps is in how many steps the share of a server that comes back grows, and returnStepMin how long one takes at
	// least: each is a new view for every loop.
	returnSteps   = 32
	returnStepMin = 50 * time.Millisecond

	// ejectDoublings is how often the time of an ejection is doubled.
	ejectDoublings = 3

	// drawsMax bounds how often a random choice is drawn again when it fell on a server that was tried or is coming back,
	// before the servers are gone through in turn.
	drawsMax = 8

	// hashProbesMax bounds how many places of a table are looked at for a key whose server cannot take it. With half of the
	// servers out one key in 2^32 is not placed by then, and goes to the servers in turn.
	hashProbesMax = 32

	// offsetStepsMax bounds how far a loop's turn is put ahead of another's when it starts.
	offsetStepsMax = 1024

	// budgetWindow is what "recent" means for a retry budget, and budgetFloor how many retries a second are allowed beside it.
	budgetWindow = 10 * time.Second
	budgetFloor  = 10

	// lookupTimeout bounds a DNS lookup: two rounds of what resolvers wait for a server (resolv.conf(5): timeout 5 s).
	lookupTimeout = 10 * time.Second

	// lookupRetry is how soon a failed lookup is repeated. It doubles with each failure, to the time between lookups or to
	// lookupRetryMax where names are looked up once only.
	lookupRetry    = time.Second
	lookupRetryMax = time.Minute

	// addressesMax is how many addresses of a name are used; a DNS answer over UDP has room for fewer.
	addressesMax = 1024

	// checkGap is between the first checks of servers that are new together.
	checkGap = 2 * time.Millisecond

	// checkHeadBytes bounds the head of a response to a check.
	checkHeadBytes = 64 << 10

	// checkBodyBytes is how much of its body is waited for, so that a server is not cut off while it answers.
	checkBodyBytes = 64 << 10
)
