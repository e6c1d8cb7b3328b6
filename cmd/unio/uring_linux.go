package main

import (
	"errors"

	"github.com/unio-go/unio/uring"
)

// addUring probes io_uring feature by feature. Where no ring can be made, the other features are not tried.
func (f *findings) addUring() {
	f.Kernel = uring.KernelRelease()
	u := &f.Uring
	evidence := uring.GatherEvidence()
	for _, d := range evidence.Warnings() {
		u.Warnings = append(u.Warnings, newObstacle(d))
	}
	if err := uring.FeatureSetup.Probe(); err != nil {
		u.InTheWay = append(u.InTheWay, newObstacle(evidence.Diagnose(err)))
		return
	}
	u.Usable = true
	for _, x := range uring.All() {
		u.Features = append(u.Features, newFeature(x, x.Probe()))
	}
	v, err := uring.KernelVersion()
	if err != nil {
		return
	}
	for _, d := range uring.Defects(ringVersion(v, uring.Feature.Have)) {
		until := ""
		if d.Until != (uring.Version{}) {
			until = d.Until.String()
		}
		u.Defects = append(u.Defects, defect{string(d.ID), d.What, d.Avoid, until, d.Source})
	}
}

// ringVersion is the mainline version that a kernel's io_uring is of. That of a distribution may be newer than the kernel's version says,
// with what is new in it and with its defects.
func ringVersion(v uring.Version, have func(uring.Feature) bool) uring.Version {
	for _, x := range uring.All() {
		if v.Less(x.Since()) && have(x) {
			v = x.Since()
		}
	}
	return v
}

func newObstacle(d uring.Diagnosis) obstacle {
	return obstacle{string(d.Obstacle), d.Reason, d.Cure}
}

func newFeature(x uring.Feature, err error) feature {
	f := feature{Name: x.String(), What: x.What(), Since: x.Since().String(), Answer: answerYes}
	if err != nil {
		f.Answer, f.Detail = answerUnknown, err.Error()
	}
	if errors.Is(err, uring.ErrNotSupported) {
		f.Answer = answerNo
	}
	return f
}
