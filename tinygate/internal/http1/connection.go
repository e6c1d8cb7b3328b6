package http1

// connection notes the options of one Connection field and counts the names that may be those of fields.
func (h *Head) connection(value []byte) *fault {
	for len(value) > 0 {
		var e []byte
		e, value = nextElement(value)
		switch o := connectionOption(e); {
		case o != 0:
			h.options |= o
		case len(e) == 0 || isHopName(e):
		case h.names == connectionNamesMax:
			return faultConnection
		default:
			h.names++
		}
	}
	return nil
}

func connectionOption(e []byte) uint8 {
	switch {
	case equalFoldASCII(e, "close"):
		return optionClose
	case equalFoldASCII(e, "keep-alive"):
		return optionKeepAlive
	case equalFoldASCII(e, "upgrade"):
		return optionUpgrade
	}
	return 0
}

// isHopName reports whether the name is that of a field which is dropped or kept whatever Connection says:
// naming it costs no search. Expect is kept: without it the upstream would wait for a body that the client
// holds back until the upstream has said something.
func isHopName(e []byte) bool {
	if skipClass(e, 0, classToken) != len(e) {
		return true
	}
	id := identify(e)
	return id == IDHost || id == IDExpect || hopByHop&(1<<id) != 0
}

// dropNamed marks the fields that Connection names (RFC 9110 7.6.1).
func (h *Head) dropNamed(b []byte) {
	for c := h.Find(IDConnection, 0); c >= 0; c = h.Find(IDConnection, c+1) {
		value := h.table[c].Value.Of(b)
		for len(value) > 0 {
			var e []byte
			e, value = nextElement(value)
			if len(e) == 0 || connectionOption(e) != 0 || isHopName(e) {
				continue
			}
			for i := range int(h.n) {
				if equalFoldASCII(h.table[i].Name.Of(b), e) {
					h.Drop(i)
				}
			}
		}
	}
}

// equalFoldASCII reports whether a and b differ at most in the case of ASCII letters.
func equalFoldASCII[T string | []byte](a []byte, b T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if x, y := a[i], b[i]; x != y && (x^y != 0x20 || !isLetter(x)) {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
