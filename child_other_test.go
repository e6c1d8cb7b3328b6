//go:build !unix

package unio_test

import "github.com/unio-go/unio"

// noDescriptors is skipped where there is no limit to set.
func noDescriptors(*unio.Runtime, []string) {}

// fewDescriptors is for builds with more than one engine, which there are none of here.
func fewDescriptors(*unio.Runtime, []string) {}
