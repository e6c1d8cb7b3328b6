package route

// cutParameter cuts the first parameter from a query, which is not empty. Both parts of it are still escaped.
func cutParameter(query []byte) (name, value, rest []byte) {
	name = query
	equals := -1
	for i, c := range query {
		if c == '&' {
			name, rest = query[:i], query[i+1:]
			break
		}
		if c == '=' && equals < 0 {
			equals = i
		}
	}
	if equals >= 0 {
		name, value = name[:equals], name[equals+1:]
	}
	return name, value, rest
}

// equalDecoded reports whether a part of a query is text once it is decoded.
func equalDecoded(escaped []byte, text string) bool {
	if len(escaped) < len(text) {
		return false
	}
	j := 0
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		switch c {
		case '+':
			c = ' '
		case '%':
			if v, ok := unescape(escaped[i:]); ok {
				c = v
				i += 2
			}
		}
		if j == len(text) || text[j] != c {
			return false
		}
		j++
	}
	return j == len(text)
}
