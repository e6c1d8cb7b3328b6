//go:build !unio_bug_earlyfree && !unio_bug_tailreuse && !unio_bug_lostwake && !unio_bug_parcelorder && !unio_bug_droppedparcel && !unio_bug_droppeddata && !unio_bug_earlyend && !unio_bug_interleaved && !unio_bug_latetimer && !unio_bug_leak && !unio_bug_doubleclose && !unio_bug_doubledcompletion && !unio_bug_lostcompletion && !unio_bug_earlycompletion && !unio_bug_droppedend && !unio_bug_unbounded

package planted

// Bug is the defect of this build.
const Bug = None
