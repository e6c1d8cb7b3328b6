//go:build !linux

package unio_test

import "github.com/unio-go/unio"

// What concerns Linux alone.
func noDescriptorsAnywhere(*unio.Runtime, []string) {}
func oneDescriptorLeft(*unio.Runtime, []string)     {}
func noMemory(*unio.Runtime, []string)              {}
func ringForbiddenLater(*unio.Runtime, []string)    {}
func cacheSaysEnd(*unio.Runtime, []string)          {}
func ringForbidden([]string)                        {}
func littleMemlock([]string)                        {}
func ringsDisabled([]string)                        {}
func filesWithLittleMemlock([]string)               {}
func filesWithoutRing([]string)                     {}
func directWithoutStatx([]string)                   {}
func mapOfAnother([]string)                         {}
