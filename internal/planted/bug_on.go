//go:build unio_planted

package planted

import "os"

// Bug is the defect of this process.
var Bug = os.Getenv(Variable)
