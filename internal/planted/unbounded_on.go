//go:build unio_bug_unbounded

package planted

// Bug is the defect of this build.
const Bug = Unbounded
