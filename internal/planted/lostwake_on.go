//go:build unio_bug_lostwake

package planted

// Bug is the defect of this build.
const Bug = LostWake
