// Package ringfile is what rings that perform operations on files have in common, the shared ring of package filering and a
// loop's: how an operation becomes an entry, how memory is registered, and what is worth another try.
package ringfile
