package admin

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

// table prints cells in columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) table { return table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)} }

// row prints a line. What a client chose cannot move the cursor or another column.
func (t table) row(cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(t.w, "\t")
		}
		fmt.Fprint(t.w, clean(fmt.Sprint(c)))
	}
	fmt.Fprintln(t.w)
}

func (t table) end() error { return t.w.Flush() }

// clean takes what a terminal would obey out of s.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

func printStatus(w io.Writer, answer []byte) error {
	var s Status
	if err := decode(answer, &s); err != nil {
		return err
	}
	t := newTable(w)
	state := "serving"
	if s.Draining {
		state = "draining"
	}
	t.row("tinygate", fmt.Sprintf("%s, %s since %s (%s)", s.Version, state, s.Started.Local().Format(time.DateTime), ago(s.Started)))
	t.row("engine", fmt.Sprintf("%s on %d loops, kernel %s: %s", s.Engine.Name, s.Loops, s.Engine.Kernel, s.Engine.Reason))
	for _, r := range s.Engine.Rejected {
		t.row("", "not "+r)
	}
	for _, l := range s.Engine.Limits {
		t.row("", l)
	}
	for _, l := range s.Listeners {
		what := l.Address
		if l.TLS {
			what += " with TLS"
		}
		if l.ProxyProtocol {
			what += " behind PROXY headers"
		}
		t.row("listener", what)
	}
	for _, c := range s.Certificates {
		t.row("certificate", certificate(c))
	}
	t.row("connections", fmt.Sprintf("%d of clients, %d to servers", s.Connections.Clients, s.Connections.Upstreams))
	t.row("requests", fmt.Sprintf("%d in flight", s.Connections.Requests))
	loaded := s.Config.Loaded
	t.row("configuration", fmt.Sprintf("%s, loaded %s (%s ago)", s.Config.File, loaded.Local().Format(time.DateTime), ago(loaded)))
	return t.end()
}

// certificate says until when there is one.
func certificate(c Certificate) string {
	what := c.File
	if len(c.Names) > 0 {
		what += " for " + strings.Join(c.Names, ", ")
	}
	end := "until "
	if time.Now().After(c.NotAfter) {
		end = "EXPIRED on "
	}
	what += ", " + end + c.NotAfter.Local().Format(time.DateTime)
	if c.Error != "" {
		what += "; what is in the files now is not in use: " + c.Error
	}
	return what
}

func printUpstreams(w io.Writer, answer []byte) error {
	var a struct {
		Upstreams []Upstream `json:"upstreams"`
	}
	if err := decode(answer, &a); err != nil {
		return err
	}
	t := newTable(w)
	t.row("UPSTREAM", "SERVER", "STATE", "FOR", "WEIGHT", "IN FLIGHT", "CONNECTIONS", "IDLE", "REASON")
	for _, u := range a.Upstreams {
		for _, s := range u.Servers {
			weight := fmt.Sprint(s.Weight)
			if s.Backup {
				weight += " backup"
			}
			t.row(u.Name, s.Address, s.State, ago(s.Since), weight, s.InFlight, s.Connections, s.Idle, cmp.Or(s.Reason, "-"))
		}
	}
	return t.end()
}

func printInFlight(w io.Writer, answer []byte) error {
	var a InFlight
	if err := decode(answer, &a); err != nil {
		return err
	}
	t := newTable(w)
	t.row("AGE", "PHASE", "CLIENT", "METHOD", "HOST", "PATH", "UPSTREAM", "SERVER")
	for _, r := range a.Requests {
		age := time.Duration(r.Age * float64(time.Second))
		t.row(short(age), r.Phase, r.Client, r.Method, cmp.Or(r.Host, "-"), r.Path, cmp.Or(r.Upstream, "-"), cmp.Or(r.Server, "-"))
	}
	err := t.end()
	if more := a.Total - len(a.Requests); more > 0 {
		fmt.Fprintf(w, "and %d younger ones\n", more)
	}
	return err
}

func printReload(w io.Writer, answer []byte) error {
	var r Reload
	if err := decode(answer, &r); err != nil {
		return err
	}
	for _, p := range r.Problems {
		if p.Place != "" {
			fmt.Fprintf(w, "%s: ", clean(p.Place))
		}
		fmt.Fprintln(w, clean(p.Message))
	}
	for _, c := range r.Changes {
		fmt.Fprintln(w, clean(c))
	}
	if r.OK && len(r.Changes) == 0 {
		fmt.Fprintln(w, "nothing changed")
	}
	return nil
}

func printLevel(w io.Writer, answer []byte) error {
	var l logLevel
	if err := decode(answer, &l); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, clean(l.Level))
	return err
}
