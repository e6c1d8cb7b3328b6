package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/unio-go/unio"
)

// findings is everything that probe tells, in the shape of its JSON.
type findings struct {
	System      string       `json:"system"` // GOOS/GOARCH
	Kernel      string       `json:"kernel,omitempty"`
	Report      *unio.Report `json:"report,omitempty"` // of a runtime that was made for it
	EngineError string       `json:"engine_error,omitempty"`
	Uring       uringPart    `json:"io_uring"`
}

// uringPart is what concerns io_uring.
type uringPart struct {
	Usable   bool       `json:"usable"`
	InTheWay []obstacle `json:"in_the_way,omitempty"`
	Warnings []obstacle `json:"warnings,omitempty"`
	Features []feature  `json:"features,omitempty"`
	Defects  []defect   `json:"defects,omitempty"`
}

// obstacle is what keeps rings from being made, or may.
type obstacle struct {
	Kind   string `json:"kind"`
	Reason string `json:"reason"`
	Cure   string `json:"cure,omitempty"`
}

// feature is the answer of one probe.
type feature struct {
	Name   string `json:"name"`
	What   string `json:"what"`
	Since  string `json:"since"`  // the mainline kernel that brought it
	Answer string `json:"answer"` // yes, no, or could not tell
	Detail string `json:"detail,omitempty"`
}

// The three answers of a probe.
const (
	answerYes     = "yes"
	answerNo      = "no"
	answerUnknown = "could not tell"
)

// defect is something that this kernel is known to do wrongly.
type defect struct {
	ID     string `json:"id"`
	What   string `json:"what"`
	Avoid  string `json:"way_round"`
	Until  string `json:"until,omitempty"`
	Source string `json:"source"`
}

func gather() *findings {
	f := &findings{System: runtime.GOOS + "/" + runtime.GOARCH}
	rt, err := unio.New(&unio.Options{Loops: 1})
	if err != nil {
		f.EngineError = err.Error()
	} else {
		report := rt.Report()
		f.Report, f.Kernel = &report, report.Kernel
		if err := rt.Close(); err != nil {
			f.EngineError = "closing the runtime: " + err.Error()
		}
	}
	f.addUring()
	return f
}

// write is the text for people.
func (f *findings) write(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "system\t%s\n", f.System)
	if f.Kernel != "" {
		fmt.Fprintf(w, "kernel\t%s\n", f.Kernel)
	}
	f.writeEngine(w)
	u := &f.Uring
	fmt.Fprintf(w, "io_uring\t%s\n", map[bool]string{true: "usable", false: "not usable"}[u.Usable])
	writeObstacles(w, "in the way", u.InTheWay)
	writeObstacles(w, "warning", u.Warnings)
	if len(u.Features) > 0 {
		fmt.Fprintf(w, "\nFEATURE\tANSWER\tSINCE\tWHAT\n")
	}
	for _, x := range u.Features {
		what := x.What
		if x.Answer == answerUnknown {
			what += " (" + x.Detail + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", x.Name, x.Answer, x.Since, what)
	}
	if len(u.Defects) > 0 {
		fmt.Fprintf(w, "\nKNOWN DEFECT\tUNTIL\tWHAT\tWAY ROUND\n")
	}
	for _, d := range u.Defects {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", d.ID, d.Until, d.What, d.Avoid)
	}
	return w.Flush()
}

func (f *findings) writeEngine(w io.Writer) {
	if f.EngineError != "" {
		fmt.Fprintf(w, "error\t%s\n", f.EngineError)
	}
	r := f.Report
	if r == nil {
		return
	}
	fmt.Fprintf(w, "engine\t%s\n", r.Engine)
	if r.Goroutines != r.Engine {
		fmt.Fprintf(w, "goroutines\t%s, for the connections that goroutines dial and accept\n", r.Goroutines)
	}
	fmt.Fprintf(w, "why\t%s\n", r.Reason)
	for _, s := range r.Rejected {
		fmt.Fprintf(w, "rejected\t%s\n", s)
	}
	if len(r.Features) > 0 {
		fmt.Fprintf(w, "uses\t%s\n", strings.Join(r.Features, ", "))
	}
	for _, s := range r.Avoided {
		fmt.Fprintf(w, "avoids\t%s\n", s)
	}
}

func writeObstacles(w io.Writer, title string, list []obstacle) {
	for _, o := range list {
		fmt.Fprintf(w, "%s\t%s: %s\n", title, o.Kind, o.Reason)
		if o.Cure != "" {
			fmt.Fprintf(w, "cure\t%s\n", o.Cure)
		}
	}
}
