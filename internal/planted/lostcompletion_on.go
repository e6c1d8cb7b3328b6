//go:build unio_bug_lostcompletion

package planted

// Bug is the defect of this build.
const Bug = LostCompletion
