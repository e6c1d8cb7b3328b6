//go:build unio_bug_latetimer

package planted

// Bug is the defect of this build.
const Bug = LateTimer
