package metrics

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/unio-go/unio"
)

// scrape asks by HTTP, as Prometheus does.
func scrape(t *testing.T, m *Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	s := httptest.NewServer(m.Handler())
	defer s.Close()
	c := s.Client()
	c.Timeout = 10 * time.Second
	resp, err := c.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	all, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// find returns the metric with the labels, which come as name and value.
func find(all map[string]*dto.MetricFamily, name string, labels ...string) *dto.Metric {
next:
	for _, m := range all[name].GetMetric() {
		if len(m.Label) != len(labels)/2 {
			continue
		}
		for i := 0; i < len(labels); i += 2 {
			if !hasLabel(m, labels[i], labels[i+1]) {
				continue next
			}
		}
		return m
	}
	return nil
}

func hasLabel(m *dto.Metric, name, value string) bool {
	for _, l := range m.Label {
		if l.GetName() == name && l.GetValue() == value {
			return true
		}
	}
	return false
}

func want(t *testing.T, all map[string]*dto.MetricFamily, v float64, name string, labels ...string) {
	t.Helper()
	m := find(all, name, labels...)
	if m == nil {
		t.Errorf("%s%v is not there", name, labels)
		return
	}
	if got := m.GetCounter().GetValue() + m.GetGauge().GetValue(); got != v {
		t.Errorf("%s%v is %v, want %v", name, labels, got, v)
	}
}

// full makes metrics in which every series has something.
func full() *Metrics {
	m := New("1.2.3", 2)
	routes := m.SetRoutes([]string{"site", "api"})
	for i := range 2 {
		l := m.Loop(i)
		l.ClientOpened()
		l.ClientOpened()
		l.ClientClosed()
		l.Handshake(tls.VersionTLS13)
		l.HandshakeFailed()
		l.ClientRefused(RefusedPerClient)
		l.RequestBegan()
		l.RequestBegan()
		l.RequestEnded(routes[0], 200, 3*time.Millisecond, 10, 1000)
	}
	m.Loop(1).RequestBegan()
	m.Loop(1).RequestEnded(routes[1], 503, time.Minute, 0, 5)
	m.Reloaded(true)
	m.Reloaded(false)
	m.SetSources(Sources{
		Servers: func() []ServerStatus {
			return []ServerStatus{
				{
					Server: Server{"web", "10.0.0.1:80"}, Healthy: true, InFlight: 3, Requests: 1, Ejections: 2, Open: 5, Idle: 4,
					Failures: [Failures]uint64{FailedReset: 1},
				},
				{Server: Server{"web", "10.0.0.1:80"}, InFlight: 1, Requests: 1, Failures: [Failures]uint64{FailedReset: 1}},
				{Server: Server{"web", "10.0.0.2:80"}, Requests: 2, Retries: 2},
			}
		},
		Certificates: func() []Certificate {
			return []Certificate{{"b.pem", time.Unix(3000, 0)}, {"a.pem", time.Unix(2000, 0)}, {"b.pem", time.Unix(1000, 0)}, {"\xff", time.Time{}}}
		},
		Dropped: func() uint64 { return 7 },
		Stats:   func() unio.Stats { return unio.Stats{Conns: 4, Ops: 99} },
		Report: func() unio.Report {
			return unio.Report{Engine: unio.Epoll, Goroutines: unio.Std, Kernel: "6.1", Reason: "why\n\"not\""}
		},
	})
	return m
}

func TestScrape(t *testing.T) {
	all := scrape(t, full())
	want(t, all, 2, "tinygate_requests_total", "route", "site", "class", "2xx")
	want(t, all, 1, "tinygate_requests_total", "route", "api", "class", "5xx")
	want(t, all, 0, "tinygate_requests_total", "route", "(none)", "class", "4xx")
	want(t, all, 20, "tinygate_received_bytes_total", "route", "site")
	want(t, all, 2000, "tinygate_sent_bytes_total", "route", "site")
	want(t, all, 2, "tinygate_requests_in_flight")
	want(t, all, 2, "tinygate_client_connections")
	want(t, all, 4, "tinygate_client_connections_total")
	want(t, all, 2, "tinygate_client_connections_refused_total", "reason", "per_client")
	want(t, all, 2, "tinygate_tls_handshakes_total", "version", "1.3")
	want(t, all, 2, "tinygate_tls_handshakes_failed_total")
	want(t, all, 2, "tinygate_upstream_requests_total", "upstream", "web", "server", "10.0.0.1:80")
	want(t, all, 2, "tinygate_upstream_failures_total", "upstream", "web", "server", "10.0.0.1:80", "kind", "reset")
	want(t, all, 2, "tinygate_upstream_retries_total", "upstream", "web", "server", "10.0.0.2:80")
	want(t, all, 2, "tinygate_server_ejections_total", "upstream", "web", "server", "10.0.0.1:80")
	want(t, all, 1, "tinygate_server_healthy", "upstream", "web", "server", "10.0.0.1:80")
	want(t, all, 0, "tinygate_server_healthy", "upstream", "web", "server", "10.0.0.2:80")
	want(t, all, 4, "tinygate_server_requests_in_flight", "upstream", "web", "server", "10.0.0.1:80")
	want(t, all, 5, "tinygate_server_connections", "upstream", "web", "server", "10.0.0.1:80", "state", "open")
	want(t, all, 4, "tinygate_server_connections", "upstream", "web", "server", "10.0.0.1:80", "state", "idle")
	want(t, all, 1000, "tinygate_certificate_expiry_timestamp_seconds", "certificate", "b.pem")
	want(t, all, 7, "tinygate_access_log_dropped_lines_total")
	want(t, all, 1, "tinygate_config_reloads_total", "result", "ok")
	want(t, all, 1, "tinygate_config_reloads_total", "result", "failed")
	want(t, all, 1, "tinygate_engine_info", "engine", "epoll", "goroutines", "std", "kernel", "6.1", "reason", "why\n\"not\"")
	want(t, all, 4, "tinygate_io_connections")
	want(t, all, 99, "tinygate_io_operations_total")
	for _, name := range []string{"tinygate_info", "tinygate_config_last_reload_success_timestamp_seconds", "go_goroutines"} {
		if all[name] == nil {
			t.Errorf("%s is not there", name)
		}
	}
}

func TestHistogram(t *testing.T) {
	h := find(scrape(t, full()), "tinygate_request_duration_seconds", "route", "site").GetHistogram()
	if h.GetSampleCount() != 2 || h.GetSampleSum() != 0.006 || len(h.Bucket) != len(bounds)+1 {
		t.Fatalf("got %v", h)
	}
	for _, b := range h.Bucket {
		want := uint64(0)
		if b.GetUpperBound() >= 0.005 {
			want = 2
		}
		if b.GetCumulativeCount() != want {
			t.Errorf("up to %v there are %d, want %d", b.GetUpperBound(), b.GetCumulativeCount(), want)
		}
	}
}

func TestBuckets(t *testing.T) {
	for i, b := range bounds {
		if bucketOf(b) != i || bucketOf(b+1) != i+1 || i > 0 && bucketOf(bounds[i-1]+1) != i {
			t.Errorf("%v is in bucket %d and what is longer in %d, want %d and %d", b, bucketOf(b), bucketOf(b+1), i, i+1)
		}
		if i > 0 && float64(b) < 2*float64(bounds[i-1]) {
			t.Errorf("%v and %v are so near that bucketOf would have to look twice", bounds[i-1], b)
		}
	}
	if bucketOf(-1) != 0 || bucketOf(0) != 0 || bucketOf(1<<63-1) != len(bounds) {
		t.Error("the ends are wrong")
	}
}

func TestNamesAreGood(t *testing.T) {
	families, err := full().registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

const page = "../../../docs/tinygate.md"

// What is exposed is on the page of the program, with its labels, and nothing else is there.
func TestPageHasEachSeries(t *testing.T) {
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(tinygate_\\w+)` \\|([^|]*)\\|").FindAllStringSubmatch(string(b), -1) {
		got = append(got, row[1]+" "+strings.TrimSpace(strings.ReplaceAll(row[2], "`", "")))
	}
	all := make(chan *prometheus.Desc, 100)
	collector{}.Describe(all)
	close(all)
	described := regexp.MustCompile(`fqName: "(\w+)".*variableLabels: \{([^}]*)\}`)
	for d := range all {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("client_golang describes a series in another way: %v", d)
		}
		if !strings.HasPrefix(m[1], "tinygate_io_") {
			want = append(want, m[1]+" "+strings.ReplaceAll(m[2], ",", ", "))
		}
	}
	if slices.Sort(got); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("the table of the page has\n%q\nand there are\n%q", got, slices.Sorted(slices.Values(want)))
	}
}

// A name keeps its number and its counters over reloads, and what ends late is counted where it began.
func TestRoutesOverAReload(t *testing.T) {
	m := New("x", 1)
	l := m.Loop(0)
	old := m.SetRoutes([]string{"a", "b", "a"})
	if old[0] != old[2] || old[0] == old[1] || old[0] == NoRoute {
		t.Fatalf("numbers %v", old)
	}
	l.RequestEnded(old[0], 200, 1, 0, 0)
	l.RequestEnded(old[1], 200, 1, 0, 0)
	now := m.SetRoutes([]string{"c", "b"})
	if now[1] != old[1] || now[0] == old[0] {
		t.Fatalf("numbers %v after %v", now, old)
	}
	l.RequestEnded(old[0], 200, 1, 0, 0)
	l.RequestEnded(now[1], 200, 1, 0, 0)
	l.RequestEnded(12345, 99, 1, 0, 0)
	l.RequestEnded(-1, 612, -1, -1, -1)
	all := scrape(t, m)
	want(t, all, 2, "tinygate_requests_total", "route", "b", "class", "2xx")
	want(t, all, 0, "tinygate_requests_total", "route", "c", "class", "2xx")
	want(t, all, 2, "tinygate_requests_total", "route", "(none)", "class", "none")
	if find(all, "tinygate_requests_total", "route", "a", "class", "2xx") != nil {
		t.Error("a route that is gone is shown")
	}
	m.SetRoutes([]string{"a"})
	want(t, scrape(t, m), 2, "tinygate_requests_total", "route", "a", "class", "2xx")
}

// Loops count while the configuration changes and scrapes go on; nothing is lost.
func TestCountingMeanwhile(t *testing.T) {
	const loops, each = 2, 20000
	m := New("x", loops)
	number := m.SetRoutes([]string{"a"})[0]
	stop, others := make(chan struct{}), sync.WaitGroup{}
	others.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := m.registry.Gather(); err != nil {
				t.Error(err)
			}
			m.SetRoutes([]string{"a", "x" + string(rune('a'+i%20))})
		}
	})
	var counting sync.WaitGroup
	for i := range loops {
		counting.Go(func() {
			for range each {
				m.Loop(i).RequestBegan()
				m.Loop(i).RequestEnded(number, 404, time.Millisecond, 1, 1)
			}
		})
	}
	counting.Wait()
	close(stop)
	others.Wait()
	all := scrape(t, m)
	want(t, all, loops*each, "tinygate_requests_total", "route", "a", "class", "4xx")
	want(t, all, 0, "tinygate_requests_in_flight")
}
