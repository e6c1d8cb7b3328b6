//go:build unio_bug_earlycompletion

package planted

// Bug is the defect of this build.
const Bug = EarlyCompletion
