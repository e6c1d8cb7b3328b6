// Package enginetest is the proof of the engine contract: one kit of cases that every engine runs.
//
// A case is named after the rule that is broken when it fails. Besides what a case looks at itself, the
// kit holds every engine to these: an operation completes exactly once, and when the engine is closed
// there are no descriptors, no goroutines and no buffers left that were not there before.
package enginetest

import (
	"runtime"
	"testing"

	"github.com/unio-go/unio/internal/engine"
)

// New makes an engine.
type New func(engine.Config) (engine.Engine, error)

// BufferHolder is implemented by an engine that keeps buffers of the pool for itself, such as those that
// a kernel may pick from. HeldBytes is how many bytes of the pool that may be, however many descriptors
// are attached.
type BufferHolder interface{ HeldBytes() int64 }

// rule is a case: the rule, what proves it, and on which networks.
type rule struct {
	name     string
	networks []string
	prove    func(*rig)
}

var (
	both = []string{"tcp", "unix"}
	tcp  = []string{"tcp"}
)

func rules() []rule {
	return []rule{
		{"NopCompletes", tcp, nopCompletes},
		{"EchoIsByteExact", both, echoIsByteExact},
		{"SendTakesPiecesInOrder", both, sendTakesPiecesInOrder},
		{"SendOfNothingCompletes", both, sendOfNothingCompletes},
		{"SendWaitsForASlowReader", both, sendWaitsForASlowReader},
		{"TheEndStays", both, theEndStays},
		{"ShutdownEndsOneDirection", both, shutdownEndsOneDirection},
		{"ShutdownOfReadingEndsARecv", both, shutdownOfReadingEndsARecv},
		{"ShutdownOfReadingLeavesWhatHasArrived", both, shutdownOfReadingLeavesWhatHasArrived},
		{"AResetIsTold", tcp, aResetIsTold},
		{"AResetThatASendMeetsIsNoEnd", tcp, aResetThatASendMeetsIsNoEnd},
		{"CancelledRecvLosesNoByte", both, cancelledRecvLosesNoByte},
		{"CancelledAcceptLosesNoConnection", both, cancelledAcceptLosesNoConnection},
		{"CancelledSendTellsWhatWasTaken", both, cancelledSendTellsWhatWasTaken},
		{"CancelOfNothingDoesNothing", tcp, cancelOfNothingDoesNothing},
		{"CloseEndsPendingOperations", both, closeEndsPendingOperations},
		{"CloseOfAListenerEndsAnAccept", both, closeOfAListenerEndsAnAccept},
		{"CloseDropsUnreadData", both, closeDropsUnreadData},
		{"LastBytesGoBeforeTheEnd", both, lastBytesGoBeforeTheEnd},
		{"LastBytesGoBeforeAReset", both, lastBytesGoBeforeAReset},
		{"LastBytesGoBeforeAnAbort", tcp, lastBytesGoBeforeAnAbort},
		{"AReusedNumberGetsNoStaleEvent", both, aReusedNumberGetsNoStaleEvent},
		{"DescsAreApart", both, descsAreApart},
		{"EngineCloseEndsEverything", both, engineCloseEndsEverything},
		{"EngineCloseReturnsACloseThatLingers", tcp, engineCloseReturnsACloseThatLingers},
		{"ConnectGivesADesc", both, connectGivesADesc},
		{"ConnectTellsWhyNot", tcp, connectTellsWhyNot},
		{"ConnectAsksControl", tcp, connectAsksControl},
		{"ConnectBindsToLocal", tcp, connectBindsToLocal},
		{"CancelledConnectLeavesNothing", both, cancelledConnectLeavesNothing},
		{"UnreadIsBounded", both, unreadIsBounded},
		{"WholeRecvsAreLargeWhereMuchIsThere", both, wholeRecvsAreLargeWhereMuchIsThere},
		{"MuchIsReceivedInPlace", both, muchIsReceivedInPlace},
		{"MuchIsSentFromItsPlace", both, muchIsSentFromItsPlace},
		{"InPlaceTheEndIsTold", both, inPlaceTheEndIsTold},
		{"InPlaceAResetIsTold", tcp, inPlaceAResetIsTold},
		{"ACancelledWaitForMuchLosesNoByte", both, aCancelledWaitForMuchLosesNoByte},
		{"AWaitForMuchFollowsReceivesOfOthers", both, aWaitForMuchFollowsReceivesOfOthers},
		{"CloseEndsAWaitForMuch", both, closeEndsAWaitForMuch},
		{"AnyBoundOfUnreadReceives", tcp, anyBoundOfUnreadReceives},
		{"KeptPiecesDoNotStarveOthers", tcp, keptPiecesDoNotStarveOthers},
		{"KeptLargePiecesDoNotStopOthers", tcp, keptLargePiecesDoNotStopOthers},
		{"ExhaustionMakesRecvWait", both, exhaustionMakesRecvWait},
		{"ExhaustionServesAllInTurn", both, exhaustionServesAllInTurn},
		{"IdleDescsHoldNoBuffer", tcp, idleDescsHoldNoBuffer},
		{"WhoSleepsKeepsNothingThatOthersWaitFor", both, whoSleepsKeepsNothingThatOthersWaitFor},
		{"WhoIsBusyKeepsNothingThatOthersWaitFor", both, whoIsBusyKeepsNothingThatOthersWaitFor},
		{"BuffersChangeHandsWhileDataComes", both, buffersChangeHandsWhileDataComes},
		{"AcceptRecoversFromALackOfDescriptors", tcp, acceptRecovers},
		{"WakeEndsWait", tcp, wakeEndsWait},
		{"WakesAreNotLost", tcp, wakesAreNotLost},
		{"WaitEndsInTime", tcp, waitEndsInTime},
		{"SignalsDoNotDisturb", tcp, signalsDoNotDisturb},
		{"CollectionsDoNotDisturb", tcp, collectionsDoNotDisturb},
		{"FileReadsWhatWasWritten", tcp, fileReadsWhatWasWritten},
		{"FileEndsAreTold", tcp, fileEndsAreTold},
		{"FileWritesPiecesInOrder", tcp, fileWritesPiecesInOrder},
		{"FileWritesAreDurableOnDemand", tcp, fileWritesAreDurableOnDemand},
		{"FileErrorsAreBare", tcp, fileErrorsAreBare},
		{"ManyFileOperationsAtOnce", tcp, manyFileOperationsAtOnce},
		{"FilesAndSocketsShareALoop", both, filesAndSocketsShareALoop},
		{"EngineCloseWaitsForFiles", tcp, engineCloseWaitsForFiles},
		{"AForgottenFileIsClosed", tcp, aForgottenFileIsClosed},
		{"AFileWithAUsedNumberIsItself", tcp, aFileWithAUsedNumberIsItself},
		{"FileMemoryLives", tcp, fileMemoryLives},
		{"DirectFilesFitThePool", tcp, directFilesFitThePool},
	}
}

// Run holds an engine of the kernel's sockets to the contract, with its loop locked to a thread and with the loop in the
// network poller.
func Run(t *testing.T, name engine.Name, newEngine New) {
	warmUp(t)
	RunOn(t, name, kernel{name}, newEngine)
}

// RunLocked is Run for an engine whose loop cannot be in the network poller.
func RunLocked(t *testing.T, name engine.Name, newEngine New) {
	warmUp(t)
	runMode(t, name, kernel{name}, newEngine, false)
}

// RunOn is Run for an engine with sockets of its own.
func RunOn(t *testing.T, name engine.Name, sockets Sockets, newEngine New) {
	t.Run("locked", func(t *testing.T) { runMode(t, name, sockets, newEngine, false) })
	t.Run("netpoll", func(t *testing.T) { runMode(t, name, sockets, newEngine, true) })
}

func runMode(t *testing.T, name engine.Name, sockets Sockets, newEngine New, netpoll bool) {
	for _, c := range rules() {
		for _, network := range c.networks {
			title := c.name
			if len(c.networks) > 1 {
				title += "/" + network
			}
			t.Run(title, func(t *testing.T) {
				if !netpoll {
					runtime.LockOSThread()
					defer runtime.UnlockOSThread()
				}
				before := census()
				r := &rig{
					T: t, name: name, network: network, newEngine: newEngine, sockets: sockets, netpoll: netpoll,
				}
				r.start(engine.Config{}, nil)
				defer r.settle(before)
				c.prove(r)
			})
		}
	}
}
