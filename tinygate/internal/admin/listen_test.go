package admin

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/unio-go/unio/tinygate/internal/config"
)

func open(address string) (*Server, error) {
	return Serve(config.Admin{Address: address}, newFake(), metricsHandler(), logger())
}

func TestSocketIsOurs(t *testing.T) {
	path := socket(t)
	s, err := open("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode() != fs.ModeSocket|socketMode {
		t.Errorf("the mode is %v", info.Mode())
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestLiveSocketIsLeftAlone(t *testing.T) {
	path := socket(t)
	s := serve(t, "unix:"+path, newFake(), 8, nil)
	if _, err := open("unix:" + path); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("got %v", err)
	}
	if _, err := client(t, s).Get(context.Background(), "/health"); err != nil {
		t.Errorf("the first one is disturbed: %v", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := socket(t)
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: path})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Fatal(err)
	}
	s := serve(t, "unix:"+path, newFake(), 8, nil)
	if _, err := client(t, s).Get(context.Background(), "/health"); err != nil {
		t.Error(err)
	}
}

func TestFileInTheWayIsKept(t *testing.T) {
	path := socket(t)
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := open("unix:" + path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	if b, err := os.ReadFile(path); string(b) != "precious" {
		t.Errorf("the file is now %q, %v", b, err)
	}
}

// The socket of a successor stays when the old program ends.
func TestSocketOfASuccessorStays(t *testing.T) {
	path := socket(t)
	s, err := open("unix:" + path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	next := serve(t, "unix:"+path, newFake(), 8, nil)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := client(t, next).Get(context.Background(), "/health"); err != nil {
		t.Error(err)
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	for address, want := range map[string]string{
		"0.0.0.0:0":                    "no authentication",
		":0":                           "no authentication",
		"[::]:0":                       "no authentication",
		"192.0.2.1:9000":               "no authentication",
		"example.com:9000":             "no authentication",
		"127.0.0.1.nip.io:1":           "no authentication",
		"127.0.0.1":                    "neither unix:PATH",
		"unix:":                        "a path is needed",
		"unix:@tinygate":               "abstract",
		"unix:/no/such/dir/admin.sock": "directory has to be there",
	} {
		s, err := open(address)
		if err == nil {
			s.Close(context.Background())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", address, err, want)
		}
		if _, err := NewClient(address, deadline); want == "no authentication" && err == nil {
			t.Errorf("%s: a client takes it", address)
		}
	}
}

func TestPathThatIsTooLong(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("x", 120))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := open("unix:" + filepath.Join(dir, "s"))
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A socket whose path a configuration may have can be listened on, wherever it is made before it is moved there.
func TestConfigurationKnowsPathsThatAreTooLong(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("lacks: Linux, whose limit for the path of a socket is the one that a configuration has")
	}
	root, err := os.MkdirTemp("", "t")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	accepted := 0
	for n := 80; n <= 107; n++ {
		dir := filepath.Join(root, strings.Repeat("d", n-len(root)-1))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		address := "unix:" + filepath.Join(dir, "s")
		if _, err := config.Parse("gate.yaml", []byte("listen: :80\nto: 10.0.0.1:80\nadmin: "+address+"\n"), os.LookupEnv); err != nil {
			continue
		}
		accepted++
		s, err := open(address)
		if err != nil {
			t.Errorf("a folder of %d bytes: %v", n, err)
			continue
		}
		s.Close(context.Background())
	}
	if accepted < 10 {
		t.Errorf("of the folders with 80 to 107 bytes %d are accepted", accepted)
	}
}

func TestNoAddress(t *testing.T) {
	s, err := open("")
	if s != nil || err != nil {
		t.Fatalf("got %v, %v", s, err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
