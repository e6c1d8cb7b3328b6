//go:build unio_bug_droppedparcel

package planted

// Bug is the defect of this build.
const Bug = DroppedParcel
