package tree

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What is made is found, under each name that it gets, and gone when it is removed.
func TestNames(t *testing.T) {
	eachWay(t, func(t *testing.T, d *Dir, dir string) {
		must(t, d.Mkdir("a", 0o755))
		must(t, d.Mkdir("a/b", 0o755))
		f, err := d.OpenFile("a/b/c", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o640)
		must(t, err)
		_, err = io.WriteString(f, "content")
		must(t, errors.Join(err, f.Close()))
		must(t, d.Link("a/b/c", "a/d"))
		must(t, d.Rename("a/b/c", "e"))
		for _, name := range []string{"a/d", "e"} {
			got, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || string(got) != "content" {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			info, err := d.Stat(name)
			must(t, err)
			want, err := os.Stat(filepath.Join(dir, name))
			must(t, err)
			if !os.SameFile(info, want) || info.Name() != filepath.Base(name) || info.Mode() != want.Mode() {
				t.Errorf("%s: %v", name, info)
			}
		}
		for _, name := range []string{"a/b", "a/d", "e", "a"} {
			must(t, d.Remove(name))
		}
		if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
			t.Errorf("left: %v, %v", left, err)
		}
	})
}

// What fails has the cause that package os knows, and no name around it.
func TestCauses(t *testing.T) {
	eachWay(t, func(t *testing.T, d *Dir, dir string) {
		must(t, os.MkdirAll(filepath.Join(dir, "full/sub"), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
		open := func(name string, flag int) error {
			f, err := d.OpenFile(name, flag, 0o644)
			if err == nil {
				f.Close()
			}
			return err
		}
		_, stat := d.Stat("none")
		_, lstat := d.Lstat("none/x")
		for what, c := range map[string]struct{ err, want error }{
			"open":               {open("none", os.O_RDONLY), fs.ErrNotExist},
			"open below nothing": {open("none/x", os.O_RDWR|os.O_CREATE), fs.ErrNotExist},
			"open a new one":     {open("file", os.O_RDWR|os.O_CREATE|os.O_EXCL), fs.ErrExist},
			"stat":               {stat, fs.ErrNotExist},
			"lstat":              {lstat, fs.ErrNotExist},
			"mkdir":              {d.Mkdir("file", 0o755), fs.ErrExist},
			"mkdir of the root":  {d.Mkdir(".", 0o755), fs.ErrExist},
			"mkdir below":        {d.Mkdir("none/x", 0o755), fs.ErrNotExist},
			"remove":             {d.Remove("none"), fs.ErrNotExist},
			"remove full":        {d.Remove("full"), fs.ErrExist},
			"rename":             {d.Rename("none", "x"), fs.ErrNotExist},
			"rename below":       {d.Rename("file", "none/x"), fs.ErrNotExist},
			"link":               {d.Link("none", "x"), fs.ErrNotExist},
			"link to something":  {d.Link("file", "full"), fs.ErrExist},
		} {
			if !errors.Is(c.err, c.want) || strings.Contains(c.err.Error(), "none") || strings.Contains(c.err.Error(), dir) {
				t.Errorf("%s: %v, want %v", what, c.err, c.want)
			}
		}
		must(t, d.Close())
		_, stat = d.Stat("file")
		_, lstat = d.Lstat("file")
		for what, err := range map[string]error{
			"open": open("file", os.O_RDONLY), "stat": stat, "lstat": lstat, "mkdir": d.Mkdir("m", 0o755), "remove": d.Remove("file"),
			"rename": d.Rename("file", "x"), "link": d.Link("file", "x"), "close": d.Close(), "deep": d.Remove("full/sub"),
		} {
			if !errors.Is(err, fs.ErrClosed) {
				t.Errorf("%s of what is closed: %v", what, err)
			}
		}
	})
	_, err := Open(filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestList(t *testing.T) {
	eachWay(t, func(t *testing.T, d *Dir, dir string) {
		var want []string
		for i := range 700 {
			name := strings.Repeat("n", i%200) + string(rune('a'+i%26)) + string(rune('a'+i/26))
			must(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
			want = append(want, name)
		}
		must(t, os.Mkdir(filepath.Join(dir, "dir"), 0o755))
		slices.Sort(want)
		want = append(want, "dir")
		for _, n := range []int{-1, 0, 1, 7, 1000} {
			var got []string
			f, err := d.OpenFile(".", os.O_RDONLY, 0)
			must(t, err)
			for l := NewList(f); ; {
				all, err := l.Next(n)
				for _, e := range all {
					if e.Type != 0 && (e.Type != fs.ModeDir || e.Name != "dir") {
						t.Error(e)
					}
					if got = append(got, e.Name); e.Name == "dir" {
						got = got[:len(got)-1]
					}
				}
				if n > 0 && len(all) > n || n > 0 && len(all) == 0 && err != io.EOF || n <= 0 && err != nil {
					t.Fatalf("Next(%d): %d names, %v", n, len(all), err)
				}
				if n <= 0 || err != nil {
					break
				}
			}
			must(t, f.Close())
			slices.Sort(got)
			if got = append(got, "dir"); !slices.Equal(got, want) {
				t.Errorf("Next(%d): %d names, want %d", n, len(got), len(want))
			}
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
