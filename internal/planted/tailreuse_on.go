//go:build unio_bug_tailreuse

package planted

// Bug is the defect of this build.
const Bug = TailReuse
