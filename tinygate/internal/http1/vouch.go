package http1

// Vouches recognises the names of the fields in which a proxy tells who the client is, X-Forwarded-... and X-Real-IP,
// also written with underscores, since many applications get field names as variables in which the two are the same.
// Forwarded has an ID.
func Vouches(name []byte) bool {
	const forwarded, realIP = "x-forwarded-", "x-real-ip"
	if len(name) < len(realIP) || name[0]|0x20 != 'x' {
		return false
	}
	return len(name) > len(forwarded) && Alike(name[:len(forwarded)], forwarded) || Alike(name, realIP)
}

// framingAlias recognises Content_Length and Transfer_Encoding, in any case. They frame nothing here, but an application
// that gets field names as variables (RFC 3875 4.1.18) cannot tell them from the real ones.
func framingAlias(name []byte) bool {
	return len(name) == len("content-length") && Alike(name, "content-length") ||
		len(name) == len("transfer-encoding") && Alike(name, "transfer-encoding")
}

// Alike reports whether name is want, which is in lower case and without '_', for a program that gets field names as variables
// (RFC 3875 4.1.18): case is of no matter, and '_' is '-'.
func Alike(name []byte, want string) bool {
	if len(name) != len(want) {
		return false
	}
	for i, c := range name {
		switch {
		case c == '_':
			c = '-'
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		if c != want[i] {
			return false
		}
	}
	return true
}
