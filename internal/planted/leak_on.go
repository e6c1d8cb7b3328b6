//go:build unio_bug_leak

package planted

// Bug is the defect of this build.
const Bug = Leak
