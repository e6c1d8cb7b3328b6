package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"strings"
	"testing"
	"time"
)

// pair makes a certificate that is valid for a day, now or at a distance from it, and its key, as PEM.
func pair(t *testing.T, distance time.Duration) (cert, key string) {
	t.Helper()
	from := time.Now().Add(distance - 12*time.Hour)
	to := from.Add(24 * time.Hour)
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, DNSNames: []string{"example.com"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	kder, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kder}))
}

const checked = `listen:
  address: :443
  tls:
    cert: a.pem
    key: a.key
    client_ca: ca.pem
upstreams:
  web:
    servers: 10.0.0.1:443
    tls: {ca: up.pem, cert: b.pem, key: b.key}
routes:
  - to: web
access_log: log/access.log
`

func TestCheckTellsEachFile(t *testing.T) {
	cert, key := pair(t, 0)
	_, other := pair(t, 0)
	folder := t.TempDir()
	for name, text := range map[string]string{
		"a.pem": cert, "a.key": other, "ca.pem": "nothing", "b.pem": cert, "b.key": key, "log": "a file",
	} {
		write(t, folder, name, text)
	}
	cfg, err := Parse(folder+"/gate.yaml", []byte(checked), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Check(cfg)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
	lines := strings.Split(err.Error(), "\n")
	for i, want := range []string{
		"gate.yaml:4:11: ", "gate.yaml:6:16: ", "gate.yaml:10:15: open ", "gate.yaml:13:13: the folder of the access log: ",
	} {
		if i >= len(lines) || !strings.Contains(lines[i], want) || !strings.Contains(lines[i], "; ") {
			t.Errorf("line %d has no %q in\n%v", i+1, want, err)
		}
	}
	if len(lines) != 4 {
		t.Errorf("%d problems\n%v", len(lines), err)
	}
}

// A folder is no access log, with or without a slash behind it.
func TestAccessLogIsAFolder(t *testing.T) {
	folder := t.TempDir()
	for _, path := range []string{folder, folder + "/"} {
		cfg, err := Parse("gate.yaml", []byte("listen: :80\nto: 10.0.0.1:80\naccess_log: "+path+"\n"), testEnv)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Check(cfg); err == nil || !strings.Contains(err.Error(), "gate.yaml:3:13: the access log: "+path+" is a folder; ") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A file of authorities is good as a whole or not at all, to the gate, so it is here: what is left out would be missed
// when somebody shows a certificate.
func TestCheckRefusesAuthoritiesThatTheGateRefuses(t *testing.T) {
	cert, key := pair(t, 0)
	broken := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate")}))
	for _, c := range []struct{ name, text, want string }{
		{"one", cert, ""},
		{"several", cert + "between them\n" + cert, ""},
		{"a key behind it", cert + key, `block 2 is "PRIVATE KEY": put nothing but certificates into it; write a PEM file`},
		{"a broken one behind it", cert + broken, "certificate 2: "},
		{"half of one behind it", cert + cert[:len(cert)/2], "2 blocks of PEM begin in it and 1 can be read: write the whole file"},
		{"none", "nothing", "there is no certificate in PEM in it; write a PEM file"},
		{"empty", "", "there is no certificate in PEM in it; write a PEM file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			write(t, folder, "ca.pem", c.text)
			text := "listen: :80\nupstreams:\n  web:\n    servers: a.example:443\n    tls: {ca: ca.pem}\nroutes:\n  - to: web\n"
			cfg, err := Parse(folder+"/gate.yaml", []byte(text), testEnv)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Check(cfg)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), "gate.yaml:5:15: "+folder+"/ca.pem: "+c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestCheckWarnsOfTime(t *testing.T) {
	old, oldKey := pair(t, -48*time.Hour)
	early, earlyKey := pair(t, 48*time.Hour)
	cfg := strings.Replace(checked, "access_log: log/access.log\n", "", 1)
	folder := t.TempDir()
	for name, text := range map[string]string{
		"a.pem": old, "a.key": oldKey, "b.pem": early, "b.key": earlyKey, "ca.pem": old, "up.pem": old, "gate.yaml": cfg,
	} {
		write(t, folder, name, text)
	}
	c, err := Load(folder+"/gate.yaml", testEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"gate.yaml:4:11: " + folder + "/a.pem expired on ",
		"gate.yaml:10:29: " + folder + "/b.pem is valid only from ",
	}
	if len(c.Warnings) != len(want) {
		t.Fatalf("%q", c.Warnings)
	}
	for i, w := range want {
		if !strings.Contains(c.Warnings[i], w) {
			t.Errorf("%q is not in %q", w, c.Warnings[i])
		}
	}
}
