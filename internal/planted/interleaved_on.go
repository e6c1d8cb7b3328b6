//go:build unio_bug_interleaved

package planted

// Bug is the defect of this build.
const Bug = Interleaved
