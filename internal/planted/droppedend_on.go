//go:build unio_bug_droppedend

package planted

// Bug is the defect of this build.
const Bug = DroppedEnd
