package proxies

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// site is what the proxies of a run have in common: where they listen, where they forward to, what they show their clients.
type site struct {
	dir      string // for files
	self     string // path of this binary
	upstream netip.AddrPort
	certs    [doors]string // files with certificate and key; "" for the plain door
	tinygate string        // the program, "" where it could not be built
	noGate   error         // why
}

// newSite makes the certificates.
func newSite(dir, self string, upstream netip.AddrPort) (*site, error) {
	s := &site{dir: dir, self: self, upstream: upstream}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	for d, key := range map[door]crypto.Signer{ecdsaDoor: ecKey, rsaDoor: rsaKey} {
		s.certs[d] = filepath.Join(dir, [doors]string{ecdsaDoor: "ecdsa.pem", rsaDoor: "rsa.pem"}[d])
		if err := writeCertificate(s.certs[d], key); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// writeCertificate writes a certificate that lasts a day, and its key behind it.
func writeCertificate(name string, key crypto.Signer) error {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{"bench.example"},
	}
	cert, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
	return os.WriteFile(name, text, 0o600)
}

// buildTinygate builds tinygate from the sources beside this program's. Where that is not possible its contenders are left
// out, with the reason.
func (s *site) buildTinygate() {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/unio-go/unio").Output()
	if err != nil {
		s.noGate = fmt.Errorf("find the sources of tinygate: %w (run it within the repository)", err)
		return
	}
	source, program := filepath.Join(strings.TrimSpace(string(out)), "tinygate"), filepath.Join(s.dir, "tinygate")
	if text, err := exec.Command("go", "-C", source, "build", "-o", program, ".").CombinedOutput(); err != nil {
		s.noGate = fmt.Errorf("build %s: %w: %s", source, err, text)
		return
	}
	s.tinygate = program
}

// file writes a file of the site and returns its name.
func (s *site) file(name, text string) (string, error) {
	name = filepath.Join(s.dir, name)
	return name, os.WriteFile(name, []byte(text), 0o644)
}

// free finds a port to listen on, for a proxy that wants to be told one. The address is in a part of the loopback network that is this
// process' own, so that nobody takes the port meanwhile.
func free() (netip.AddrPort, error) {
	pid := os.Getpid()
	ln, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 1+pid>>16&63, pid>>8&255, pid&255))
	if err != nil {
		return netip.AddrPort{}, err
	}
	return ln.Addr().(*net.TCPAddr).AddrPort(), ln.Close()
}

// program finds a program, also where Debian has those of the administrator.
func program(name, hint string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return filepath.Abs(path)
	}
	if path = "/usr/sbin/" + name; exec.Command(path, "-v").Run() == nil {
		return path, nil
	}
	return "", fmt.Errorf("%w: it is not installed (apt install %s)", errMissing, hint)
}

// errMissing says that the machine does not have a program.
var errMissing = errors.New("missing")

// version is the first line in which a program tells what it is.
func version(path string) string {
	out, _ := exec.Command(path, "-v").CombinedOutput() // without an answer the line is empty
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}
