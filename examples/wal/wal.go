// Package wal is a write-ahead log in sixty lines beside its imports: what an appender has been told survives, whatever the
// process or the machine did afterwards, and what was being written at that moment is found and cut off.
//
// A record in the file is its length, a checksum of length and record, and the record. The checksum covers the length, so
// that zeros are no record.
package wal

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"

	"github.com/unio-go/unio"
)

// headBytes are in front of a record, of which none is larger than recordMax: a torn length asks for no more memory.
const (
	headBytes = 8
	recordMax = 16 << 20
)

// ErrTorn says that there is no whole record at an offset.
var ErrTorn = errors.New("wal: no whole record")

var table = crc32.MakeTable(crc32.Castagnoli)

// Log is an open log. Any number of goroutines and tasks may use it at once.
type Log struct{ file *unio.File }

// Open opens a log, or makes it, and calls replay for each record from the oldest on. What follows the last whole record is
// the rest of an append that nobody was told of, and is cut off. A file that is made is durable when its directory is, which
// is the caller's to see to (fsync(2)).
func Open(rt *unio.Runtime, name string, replay func(off int64, record []byte) error) (*Log, error) {
	file, err := rt.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644, nil)
	if err != nil {
		return nil, err
	}
	l, end := &Log{file}, int64(0)
	for err == nil {
		var record []byte
		if record, err = l.Read(end); err == nil {
			err = replay(end, record)
			end += headBytes + int64(len(record))
		}
	}
	if err == ErrTorn {
		err = file.Truncate(end)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return l, nil
}

// Append returns when the record is on the device, and with it the offset by which Read finds it. Records of many callers
// share one sync.
func (l *Log) Append(ctx context.Context, record []byte) (off int64, err error) {
	if len(record) > recordMax {
		return 0, errors.New("wal: record too large")
	}
	p := make([]byte, headBytes+len(record))
	copy(p[headBytes:], record)
	binary.LittleEndian.PutUint32(p, uint32(len(record)))
	binary.LittleEndian.PutUint32(p[4:], checksum(p[:4], record))
	return l.file.Append(ctx, p, unio.Durable)
}

// Read gives the record at an offset, or ErrTorn.
func (l *Log) Read(off int64) ([]byte, error) {
	head := make([]byte, headBytes)
	_, err := l.file.ReadAt(head, off)
	n := binary.LittleEndian.Uint32(head)
	if err == io.EOF || n > recordMax {
		return nil, ErrTorn
	}
	record := make([]byte, n)
	if err == nil {
		_, err = l.file.ReadAt(record, off+headBytes)
	}
	if err == io.EOF || err == nil && binary.LittleEndian.Uint32(head[4:]) != checksum(head[:4], record) {
		return nil, ErrTorn
	}
	return record, err
}

func checksum(length, record []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, table), table, record)
}

// Close waits for what is being appended.
func (l *Log) Close() error { return l.file.Close() }
