//go:build unio_bug_earlyend

package planted

// Bug is the defect of this build.
const Bug = EarlyEnd
