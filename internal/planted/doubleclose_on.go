//go:build unio_bug_doubleclose

package planted

// Bug is the defect of this build.
const Bug = DoubleClose
