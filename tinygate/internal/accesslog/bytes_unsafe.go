package accesslog

import "unsafe"

// bytesOf gives the bytes of s, which must not be written, so that one escaping serves both kinds of texts.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
