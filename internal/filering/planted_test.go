//go:build unio_planted && linux && !unio_nouring

package filering

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// randomOrders is how many orders of many callers are drawn: enough to meet each of the defects.
const randomOrders = uint64(40_000)

// defects are mistakes that a program of this kind makes: what stands in the files of the flow, and what would stand there.
var defects = map[string][2]string{
	"the holder does not look again at its mark": {
		"		if f.submitting.drop(f) && left == nothing {\n			left = more\n		}\n", "		f.submitting.drop(f)\n",
	},
	"who finds the lock taken leaves no mark": {
		"if l.word.Load() == lookAgain || l.word.CompareAndSwap(lookHeld, lookAgain) {", "if l.word.Load() != lookFree {",
	},
	"a mark on the completions is forgotten": {
		"	if f.reaping.drop(f) {\n		found.more = true\n	}\n", "	f.reaping.drop(f)\n",
	},
	"what is left is not handed to the helper": {
		"		if left >= stuck || n == f.turns {\n			f.kick()\n", "		if left >= stuck || n == f.turns {\n",
	},
	"a start hands nothing to the helper": {"	if left := f.submit(false); left >= more {", "	if left := f.submit(false); left > dead {"},
	"a start is quiet":                    {"f.submit(false)", "f.submit(true)"},
	"slots are not looked at again":       {"	if f.side.room() == 0 {\n		return false\n	}\n	f.at(pointFed", "	return false\n	f.at(pointFed"},
	"freed slots tell nobody":             {"		again = true // with a try", "		// with a try"},
	"a wake-up before the sleep is lost":  {"	if !op.State.CompareAndSwap(stateWaiting, as) {\n		return false\n	}\n", "	op.State.Store(as)\n"},
	"the helper gives up for lack of memory": {
		"			pause(n)\n			continue\n", "			pause(n)\n			return\n",
	},
	"the helper leaves completions when the ring fails":    {"		if left != more && !again {", "		if left == dead || left != more && !again {"},
	"a failure is told to what was queued only":            {"	filled := f.side.unfill()\n", "	var filled *fileio.Op\n"},
	"what has to be done again is dropped":                 {"		f.pushChain(found.again)\n", ""},
	"it is pushed and nobody told":                         {"		f.pushChain(found.again)\n		again = true\n", "		f.pushChain(found.again)\n"},
	"who waits does not call the reaper":                   {"to look at completions\n	}\n	f.watch()\n", "to look at completions\n	}\n"},
	"who starts does not call the reaper":                  {"		return\n	}\n	f.watch()\n", "	}\n"},
	"the helper does not call the reaper":                  {"		again := f.reap(f.reaps)\n		f.watch()\n", "		again := f.reap(f.reaps)\n"},
	"who leaves an operation to the pump does not call it": {"	f.push(newest, oldest)\n	f.want()\n", "	f.push(newest, oldest)\n"},
	"whom the pump has woken does not call it":             {"	if f.wait(op, stateCalls) {\n		f.want()\n	}\n", "	f.wait(op, stateCalls)\n"},
	"the pump waits for who does not call it":              {"		told := pointDeliver\n", "		told := pointDeliverCall\n"},
	"the pump hands nothing to the helper":                 {"		case left >= stuck || again && !f.held():\n			f.kick()\n", "		case left >= stuck || again && !f.held():\n"},
	"the pump leaves nobody to watch":                      {"			f.watch()\n			return\n		case !f.side.await():", "			return\n		case !f.side.await():"},
	"the pump ends with something to submit":               {"		case again || done != nil:\n", "		case done != nil:\n"},
	"the reaper rests without a second look":               {"	if f.side.begun() == f.side.ended() {\n		return true\n	}\n	f.at(pointResume, nil)\n", "	return true\n	f.at(pointResume, nil)\n"},
	"the reaper looks before it says that it rests": {
		"	f.watching.Store(false)\n	f.at(pointRested, nil)\n	if f.side.begun() == f.side.ended() {\n		return true\n",
		"	if f.side.begun() == f.side.ended() {\n		f.at(pointRested, nil)\n		f.watching.Store(false)\n		return true\n",
	},
}

// TestEachDefectIsFound builds the tests with each defect, and wants them to fail.
func TestEachDefectIsFound(t *testing.T) {
	sources := map[string]string{}
	for _, file := range []string{"flow.go", "watch.go", "pump.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources[file] = string(source)
	}
	for name, d := range defects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, source := only(t, sources, d[0])
			path, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			bad := filepath.Join(t.TempDir(), file)
			overlay := filepath.Join(t.TempDir(), "overlay.json")
			text, err := json.Marshal(map[string]any{"Replace": map[string]string{path: bad}})
			if err != nil {
				t.Fatal(err)
			}
			for name, text := range map[string]string{bad: strings.Replace(source, d[0], d[1], 1), overlay: string(text)} {
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			out, err := exec.Command("go", "test", "-vet=off", "-tags", "unio_planted", "-overlay", overlay,
				"-run", "^TestNoWakeUpIsLostIn(AnyOrder|RandomOrders)$", "-failfast", ".").CombinedOutput()
			found := strings.Contains(string(out), "has completed ") || strings.Contains(string(out), "goes on for ever")
			if err == nil || !found {
				t.Fatalf("not found: %v\n%.3000s", err, out)
			}
		})
	}
}

// only is the one file with a text that stands nowhere else.
func only(t *testing.T, sources map[string]string, text string) (file, source string) {
	t.Helper()
	n := 0
	for name, s := range sources {
		if k := strings.Count(s, text); k > 0 {
			n, file, source = n+k, name, s
		}
	}
	if n != 1 {
		t.Fatalf("%q stands %d times", text, n)
	}
	return file, source
}
