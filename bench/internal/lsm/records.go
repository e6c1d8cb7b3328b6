package lsm

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
)

// keyCount is how many records a store begins with.
func keyCount() (uint64, error) {
	said := os.Getenv(keysVariable)
	if said == "" {
		return keysDefault, nil
	}
	n, err := strconv.ParseUint(said, 10, 32)
	if err != nil || n < 1000 {
		return 0, fmt.Errorf("%s=%q: want a number of records, 1000 at least", keysVariable, said)
	}
	return n, nil
}

// appendKey appends the key of a record, which hashes its number (FNV-1), so that neighbours in number are none in the store.
func appendKey(p []byte, number uint64) []byte {
	h := uint64(14695981039346656037)
	for range 8 {
		h = h*1099511628211 ^ number&0xff
		number >>= 8
	}
	return strconv.AppendUint(append(p, "user"...), h, 10)
}

// appendValue appends what is in a record: its number, and bytes that no compression makes less of.
func appendValue(p []byte, number uint64) []byte {
	rng := rand.NewPCG(number, 1)
	end := len(p) + valueBytes
	p = binary.LittleEndian.AppendUint64(p, number)
	for len(p) < end {
		p = binary.LittleEndian.AppendUint64(p, rng.Uint64())
	}
	return p[:end]
}

// numberOf is the number that a value begins with.
func numberOf(value []byte) uint64 {
	if len(value) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(value)
}

// checkValue says what is wrong with the value of a record. The whole of it is looked at where verify is set.
func checkValue(value []byte, number uint64, verify bool) error {
	if len(value) != valueBytes || numberOf(value) != number {
		return fmt.Errorf("record %d: %d bytes are there, not the %d that were written", number, len(value), valueBytes)
	}
	if verify && !bytes.Equal(value, appendValue(nil, number)) {
		return fmt.Errorf("record %d: other bytes are there than were written", number)
	}
	return nil
}
