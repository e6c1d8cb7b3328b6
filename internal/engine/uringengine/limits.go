//go:build linux && !unio_nouring

package uringengine

// geometry is the size of everything that an engine makes once.
type geometry struct {
	// sqEntries is how many requests go to the kernel in one call. The call is not interruptible by the Go runtime,
	// and a request costs up to some microseconds, so this bounds how long it holds up a stop-the-world.
	sqEntries uint32
	// cqEntries is how many completions fit before the kernel keeps them in a list of its own, which ends every
	// multishot that gets there. 4096 descriptors may have one at once, in 64 KiB.
	cqEntries uint32
	// blockBytes is the size of one block of the buffer ring. Large blocks pack small messages densely and take large
	// ones whole.
	blockBytes int
	// blocks is how many of them are offered to the kernel at most, a power of two. With more a turn touches more memory than the
	// caches keep: 16 cost a tenth more CPU than 8 in a proxy of 1 MiB bodies on 64 connections, and in an echo of 64 KiB at a time on
	// 200. With 4 more turns are needed, for nothing.
	blocks int
}

// sizes are tried from first to last: a locked-memory limit that refuses the first may allow the second.
var sizes = [...]geometry{
	{sqEntries: 256, cqEntries: 4096, blockBytes: 256 << 10, blocks: 8},
	{sqEntries: 64, cqEntries: 1024, blockBytes: 256 << 10, blocks: 8},
}

// plainBlock is the geometry of blocks where the kernel uses a block for one receive only: what a message usually
// needs, and enough of them that a turn does not use them up.
const (
	plainBlockBytes = 16 << 10
	plainBlocks     = 256
)

const (
	// poolShareDiv is the part of the pool that the buffer ring may hold: a half.
	poolShareDiv = 2
	// blockBytesMin is the smallest block worth offering: a page, the pool's smallest buffer.
	blockBytesMin = 4 << 10
	// offeredMin is how many blocks the kernel is offered at least: with fewer some receive finds none whenever two turns
	// use up more than one.
	offeredMin = 4
	// demandWindow is after how many refills a demand that was higher is forgotten.
	demandWindow = 1024
	// offeredScarceDiv: blocks are scarce when the kernel has fewer than a quarter of those in demand.
	offeredScarceDiv = 4
	// shareTurns is for how many turns a loop that does not sleep keeps blocks while others wait: to give them back costs some
	// microseconds, and they may be used up by themselves.
	shareTurns = 16
	// copyBytesMax is the largest piece that is copied out of a scarce block. A larger one is worth its share of it.
	copyBytesMax = 16 << 10

	// unreadBytesMax bounds Config.UnreadBytes: the kernel takes no more at once, and its limits have 32 bits.
	unreadBytesMax = 1 << 30

	// stashPiecesMax bounds what one descriptor holds unread in pieces, as Config.UnreadBytes does in bytes: a peer
	// that sends single bytes must not make a handle for each of 65536.
	stashPiecesMax = 256
	// stashConnsMax bounds the accepted connections that nobody has asked for; the rest waits in the backlog.
	stashConnsMax = 64

	// sendWholeBytesMax is the largest send that the kernel is asked to finish by itself: what a message usually is.
	sendWholeBytesMax = 16 << 10
	// rawBytesMax ends one raw call, for which stopping the world has to wait: the large receives and sends of so much take some
	// 400 us. With 1 MiB large bodies cost up to 5 % more.
	rawBytesMax = 2 << 20
	// recordPieces is how many pieces of memory one sendmsg carries; the next carries the rest.
	recordPieces = 64
	// recordBytesMax bounds their bytes: the kernel takes no more at once, and neighbours are one piece.
	recordBytesMax = fileBytesMax
	// recordsPerSlab is how many message records are mapped at once: 64 of about 1.1 KiB.
	recordsPerSlab = 64

	// fileEntriesMin and fileEntriesMax bound how many entries for files go to the kernel in one call, a quarter
	// (fileEntriesDiv) of those that are with it. Each costs a microsecond or two, and the device that has completed many at
	// once has nothing to do until the first of their successors comes.
	fileEntriesMin = 8
	fileEntriesMax = 32
	fileEntriesDiv = 4
	// fileRoomDiv is the part of the completion ring that files may fill: a half. The rest is for sockets.
	fileRoomDiv = 2
	// fileBytesMax is the most that one request reads or writes, below the kernel's own limit of 2 GiB less a page.
	fileBytesMax = 1 << 30
	// fileTriesMax is how often a request is repeated that something passing has ended.
	fileTriesMax = 8
	// fileWorkersMax is how many threads the kernel may make for a loop's requests on regular files, and as many for those
	// on others.
	fileWorkersMax = 2
	// fixedFilesMax is how many files a ring registers: those with an ID below it.
	fixedFilesMax = 1024
	// fixedFileUses is after how many operations a file is registered. To register it and to give it up costs two calls,
	// and saves each operation some nanoseconds.
	fixedFileUses = 16

	// bufferGroup is the id of the buffer ring. A ring of ours has one.
	bufferGroup = 0
)
