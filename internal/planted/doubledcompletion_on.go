//go:build unio_bug_doubledcompletion

package planted

// Bug is the defect of this build.
const Bug = DoubledCompletion
