package memfs_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/unio-go/unio/vfs"
	"github.com/unio-go/unio/vfs/memfs"
)

var rewrite = flag.Bool("rewrite", false, "write the answers of the scripts in testdata anew")

// outcomeSeeds is how many crashes the command outcomes tries. States that are rarer are not in its answer.
const outcomeSeeds = 2000

// TestScripts runs the scripts in testdata: commands, a line of dashes, and what they answer.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("the scripts are %q, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := runScript(string(text))
			if *rewrite {
				if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("%s: the answers are now\n%s\n%s", file, got, "If they are right, run the test with -rewrite and look at the diff.")
			}
		})
	}
}

// runScript gives the script with the answers that it gets.
func runScript(text string) string {
	s := &script{fsys: memfs.New()}
	var out strings.Builder
	blocks := strings.Split(strings.TrimSpace(text), "\n\n")
	for i, block := range blocks {
		if i > 0 {
			out.WriteString("\n")
		}
		answer := []string{}
		asked := false
		for line := range strings.SplitSeq(block, "\n") {
			if line == "----" {
				asked = true
				break
			}
			out.WriteString(line + "\n")
			if line != "" && line[0] != '#' {
				answer = append(answer, s.run(line)...)
			}
		}
		if asked || len(answer) > 0 {
			out.WriteString("----\n")
		}
		for _, l := range answer {
			out.WriteString(l + "\n")
		}
	}
	return out.String()
}

type script struct{ fsys *memfs.FS }

// run does one command. What succeeds and shows nothing answers nothing.
func (s *script) run(line string) []string {
	words := strings.Fields(line)
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	number := func(i int) int64 {
		n, err := strconv.ParseInt(arg(i), 0, 64)
		if err != nil {
			panic(fmt.Sprintf("%s: %v", line, err))
		}
		return n
	}
	var err error
	switch words[0] {
	case "create":
		err = s.with(arg(1), os.O_RDWR|os.O_CREATE|os.O_TRUNC, func(vfs.File) error { return nil })
	case "write":
		err = s.with(arg(1), os.O_RDWR, func(f vfs.File) error {
			_, err := f.WriteAt(scriptBytes(arg(3)), number(2))
			return err
		})
	case "truncate":
		err = s.with(arg(1), os.O_RDWR, func(f vfs.File) error { return f.Truncate(number(2)) })
	case "sync", "syncdir":
		err = s.with(arg(1), os.O_RDONLY, vfs.File.Sync)
	case "datasync":
		err = s.with(arg(1), os.O_RDONLY, vfs.Datasync)
	case "allocate":
		err = s.with(arg(1), os.O_RDWR, func(f vfs.File) error {
			if err := vfs.Allocate(f, 0, number(2)); !errors.Is(err, errors.ErrUnsupported) {
				return fmt.Errorf("it was not refused: %w", err)
			}
			return nil
		})
	case "atomic":
		err = vfs.WriteFileAtomic(s.fsys, arg(1), scriptBytes(arg(2)), 0o666)
	case "lock":
		_, err = s.fsys.Lock(arg(1))
	case "failsync":
		err = s.with(arg(1), os.O_RDONLY, func(f vfs.File) error { return f.(*memfs.File).FailSync() })
	case "mkdir":
		err = s.fsys.Mkdir(arg(1), 0o777)
	case "remove":
		err = s.fsys.Remove(arg(1))
	case "rename":
		err = s.fsys.Rename(arg(1), arg(2))
	case "link":
		err = s.fsys.Link(arg(1), arg(2))
	case "crash": // and goes on with what there is
		s.fsys = s.fsys.Crash(uint64(number(1)))
	case "tree":
		return []string{tree(s.fsys)}
	case "durable":
		return []string{tree(s.fsys.Durable())}
	case "outcomes":
		return outcomes(s.fsys)
	default:
		panic("there is no command " + line)
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}

func (s *script) with(name string, flag int, do func(vfs.File) error) error {
	f, err := s.fsys.OpenFile(name, flag, 0o666, nil)
	if err != nil {
		return err
	}
	defer f.Close()
	return do(f)
}

// scriptBytes is the bytes of a text such as abc or a*512.
func scriptBytes(text string) []byte {
	if letter, count, ok := strings.Cut(text, "*"); ok {
		n, err := strconv.Atoi(count)
		if err != nil {
			panic(err)
		}
		return []byte(strings.Repeat(letter, n))
	}
	return []byte(text)
}

// outcomes are what there may be after a crash, each in a line.
func outcomes(fsys *memfs.FS) []string {
	found := map[string]bool{}
	for seed := range uint64(outcomeSeeds) {
		found[tree(fsys.Crash(seed))] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// tree is what an FS holds, in a line.
func tree(fsys fs.FS) string {
	var all []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == ".":
		case d.IsDir():
			all = append(all, name+"/")
		default:
			p, err := fs.ReadFile(fsys, name)
			if err != nil {
				return err
			}
			all = append(all, name+"="+shortened(p))
		}
		return nil
	})
	if err != nil {
		return err.Error()
	}
	if len(all) == 0 {
		return "(nothing)"
	}
	return strings.Join(all, " ")
}

// shortened is a text for bytes, with runs of a letter as a*512. Zeros are dots.
func shortened(p []byte) string {
	if len(p) == 0 {
		return "(empty)"
	}
	var out strings.Builder
	for i := 0; i < len(p); {
		n := 1
		for i+n < len(p) && p[i+n] == p[i] {
			n++
		}
		letter := string(p[i : i+1])
		if p[i] == 0 {
			letter = "."
		}
		if n > 3 {
			fmt.Fprintf(&out, "[%s*%d]", letter, n)
		} else {
			out.WriteString(strings.Repeat(letter, n))
		}
		i += n
	}
	return out.String()
}
