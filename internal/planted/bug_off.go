//go:build !unio_planted

package planted

// Bug is the defect of this process.
const Bug = None
