//go:build unio_bug_earlyfree

package planted

// Bug is the defect of this build.
const Bug = EarlyFree
