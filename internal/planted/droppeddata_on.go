//go:build unio_bug_droppeddata

package planted

// Bug is the defect of this build.
const Bug = DroppedData
