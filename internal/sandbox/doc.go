// Package sandbox has the kernel refuse system calls to this process, as the profile of a container does. It is for tests.
package sandbox
