package randread

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/unio-go/unio/bench/internal/rounds"
)

// Options says what a run measures.
type Options struct {
	rounds.Plan
	Mode       Mode
	Cases      []Case
	Contenders []Contender
	Dir        string
	Size       int64 // bytes of the data set; 0: the one that is there, or by what is free
}

// Limit fills o with the cases and contenders that the two patterns match ("" matches all), at the depths that are listed
// with commas ("" for those of the published comparison).
func (o *Options) Limit(cases, contenders, depths string) error {
	byCase, byContender, err := rounds.Patterns(cases, contenders)
	if err != nil {
		return err
	}
	if o.Mode != ModeDefault && o.Mode != ModeIOPoll && o.Mode != ModeSQPoll {
		return fmt.Errorf("-mode %q: there are %s, %s and %s", o.Mode, ModeDefault, ModeIOPoll, ModeSQPoll)
	}
	all := Cases(o.Mode)
	if depths != "" {
		if all, err = atDepths(all, depths); err != nil {
			return err
		}
	}
	o.Cases = slices.DeleteFunc(all, func(c Case) bool { return !byCase.MatchString(c.String()) })
	o.Contenders = slices.DeleteFunc(Contenders(), func(c Contender) bool { return !byContender.MatchString(c.String()) })
	if len(o.Cases) == 0 {
		return fmt.Errorf("-cases %q matches none; names look like %v", cases, Cases(o.Mode)[0])
	}
	if len(o.Contenders) == 0 {
		return fmt.Errorf("-contenders %q matches none; names look like %v", contenders, Contenders()[0])
	}
	return nil
}

// atDepths has the cases at other depths.
func atDepths(cases []Case, list string) (all []Case, err error) {
	var depths []int
	for s := range strings.SplitSeq(list, ",") {
		d, err := strconv.Atoi(s)
		if err != nil || d < 1 || d > 1<<14 {
			return nil, fmt.Errorf("-depths %q: want numbers of reads in flight, as 8,32,512", list)
		}
		depths = append(depths, d)
	}
	for _, c := range cases {
		for _, d := range depths {
			if c.Depth = d; !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all, nil
}

// Validate refuses what would give no usable result.
func (o *Options) Validate() error {
	if err := o.Plan.Validate(10*time.Millisecond, 10*time.Second); err != nil {
		return err
	}
	if o.Size < 0 {
		return fmt.Errorf("-size %d: it is a number of bytes", o.Size)
	}
	return nil
}

// ParseSize reads a size as "8GiB", "512MiB" or a number of bytes.
func ParseSize(s string) (int64, error) {
	number, shift := s, 0
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if cut, ok := strings.CutSuffix(s, unit); ok {
			number, shift = cut, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > 1<<(62-shift) {
		return 0, fmt.Errorf("size %q: want it as 8GiB, 512MiB or a number of bytes", s)
	}
	return n << shift, nil
}
