// Package lint keeps the versions of the tools that check this workspace in a module of its own, so that no user of
// another module gets them as requirements. The tests in internal/tidy run them.
package lint
