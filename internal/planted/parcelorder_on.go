//go:build unio_bug_parcelorder

package planted

// Bug is the defect of this build.
const Bug = ParcelOrder
