package main

import (
	"strings"
	"testing"
)

const header = `{"Action":"start","Package":"github.com/unio-go/unio/mem"}
{"Action":"run","Package":"github.com/unio-go/unio/mem","Test":"TestA"}
{"Action":"output","Package":"github.com/unio-go/unio/mem","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"github.com/unio-go/unio/mem","Test":"TestA","Output":"said by A\n"}
`

func result(action, test string) string {
	return `{"Action":"` + action + `","Package":"github.com/unio-go/unio/mem","Test":"` + test + `"}` + "\n"
}

const closing = `{"Action":"output","Package":"github.com/unio-go/unio/mem","Output":"PASS\n"}
{"Action":"output","Package":"github.com/unio-go/unio/mem","Output":"ok  \tgithub.com/unio-go/unio/mem\t0.1s\n"}
{"Action":"pass","Package":"github.com/unio-go/unio/mem"}
`

func TestSkips(t *testing.T) {
	for _, c := range []struct {
		name, list, input string
		wantErr           string // "" for none
		shows, hides      string
	}{
		{"passing tests are quiet, the closing line is not", "",
			header + result("pass", "TestA") + closing, "", "ok  \tgithub.com/unio-go/unio/mem", "said by A"},
		{"a skip that is not listed fails and shows its reason", "",
			header + result("pass", "TestB") + result("skip", "TestA") + closing, "not in the list: mem TestA", "said by A", "PASS"},
		{"a listed skip passes", "mem TestA : memlock\n",
			header + result("pass", "TestB") + result("skip", "TestA") + closing, "", "1 skipped", "said by A"},
		{"a line covers subtests", "mem TestA : memlock\n",
			header + result("pass", "TestB") + result("skip", "TestA/uring/x") + closing, "", "1 skipped", ""},
		{"a line covers no namesake", "mem TestA : memlock\n",
			header + result("pass", "TestB") + result("skip", "TestAB") + closing, "mem TestAB", "", ""},
		{"a line covers no other package", "unio TestA : memlock\n",
			header + result("pass", "TestB") + result("skip", "TestA") + closing, "mem TestA", "", ""},
		{"a line without a capability is refused", "mem TestA\n", "", "want \"package", "", ""},
		{"a failing test is shown", "", header + result("fail", "TestA"), "failed: mem TestA", "said by A", "=== RUN"},
		{"a process that dies shows what its tests said", "",
			header + result("fail", ""), "failed: mem", "said by A", ""},
		{"a build that fails is a failure", "",
			`{"ImportPath":"github.com/unio-go/unio/mem","Action":"build-output","Output":"undefined: x\n"}` + "\n" +
				`{"ImportPath":"github.com/unio-go/unio/mem","Action":"build-fail"}` + "\n", "mem (build)", "undefined: x", ""},
		{"a package without tests is no skip", "",
			header + result("pass", "TestA") + result("skip", "") + closing, "", "0 skipped", ""},
		{"the go command's own words pass through", "", "go: no such module\n", "no test ran", "go: no such module", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			rules, err := parseRules(c.list)
			if err == nil {
				err = newReader(&out, rules).run(strings.NewReader(c.input))
			}
			if c.wantErr == "" && err != nil || c.wantErr != "" && (err == nil || !strings.Contains(err.Error(), c.wantErr)) {
				t.Errorf("error %v, want %q", err, c.wantErr)
			}
			if !strings.Contains(out.String(), c.shows) {
				t.Errorf("does not show %q:\n%s", c.shows, &out)
			}
			if c.hides != "" && strings.Contains(out.String(), c.hides) {
				t.Errorf("shows %q:\n%s", c.hides, &out)
			}
		})
	}
}
