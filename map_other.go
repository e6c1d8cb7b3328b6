//go:build !linux

package unio

import "errors"

// learn has nothing to find out: what is asked for is read.
func (m *Mapping) learn() {}

func (m *Mapping) inMemory(_, _ int64) (bool, error) { return false, nil }

func (m *Mapping) lastMissing(off, end int64) (from, to int64, err error) { return off, end, nil }

func (m *Mapping) resident(_, _ int64) ([]Extent, error) { return nil, errors.ErrUnsupported }

func (m *Mapping) fillNow(_, _ int64) error { return errors.ErrUnsupported }

func (m *Mapping) advise(off, n int64, a Advice) error { return advise(m.f.io.OS, off, n, a) }
