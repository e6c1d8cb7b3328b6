package host

// Fact is one line "key: value" in the head of a raw file.
type Fact struct {
	Key, Value string
}
