package memfs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/unio-go/unio/vfs/memfs"
)

// durability holds each line of the table in the documentation of package vfs, by its first column, to what crashes show: a
// script as those in testdata, and everything that there may be afterwards. Before each there is a file a, durable, of 1024 bytes.
var durability = map[string]struct{ script, outcomes string }{
	"Write, WriteAt": {"write a 0 n*1024", `
		a=[n*1024]
		a=[n*512][o*512]
		a=[o*1024]
		a=[o*512][n*512]`},
	"Write at the end": {"write a 1024 n*512", `
		a=[o*1024]
		a=[o*1024][.*512]
		a=[o*1024][n*512]`},
	"Truncate": {"truncate a 1", `
		a=[o*1024]
		a=o`},
	"O_TRUNC": {"create a; write a 0 new", `
		a=(empty)
		a=...
		a=[o*1024]
		a=new
		a=new[.*509][o*512]
		a=ooo`},
	"Datasync": {"write a 0 n*2048; datasync a", `
		a=[n*2048]`},
	"Sync": {"create b; write b 0 new; sync b; write a 0 n*2048; sync a", `
		a=[n*2048]
		a=[n*2048] b=new`},
	"Sync that failed": {"write a 0 n*512; failsync a; sync a", `
		a=[n*512][o*512]
		a=[o*1024]`},
	"Close": {"write a 0 n*512", `
		a=[n*512][o*512]
		a=[o*1024]`}, // write closes the file
	"O_CREATE": {"create b", `
		a=[o*1024]
		a=[o*1024] b=(empty)`},
	"Link": {"link a b", `
		a=[o*1024]
		a=[o*1024] b=[o*1024]`},
	"Mkdir": {"mkdir d; create d/f; syncdir d", `
		a=[o*1024]
		a=[o*1024] d/ d/f=(empty)`},
	"Remove": {"remove a", `
		(nothing)
		a=[o*1024]`},
	"Rename": {"create b; write b 0 new; sync b; syncdir .; mkdir d; syncdir .; rename b a; rename a d/a; syncdir d", `
		a=[o*1024] b=new d/
		a=new d/
		d/ d/a=new`},
	"directory's Sync": {"mkdir d; syncdir .; create d/f; write d/f 0 new; mkdir d/e; create d/e/g; syncdir d", `
		a=[o*1024] d/ d/e/ d/e/g=(empty) d/f=(empty)
		a=[o*1024] d/ d/e/ d/e/g=(empty) d/f=...
		a=[o*1024] d/ d/e/ d/e/g=(empty) d/f=new
		a=[o*1024] d/ d/e/ d/f=(empty)
		a=[o*1024] d/ d/e/ d/f=...
		a=[o*1024] d/ d/e/ d/f=new`},
	"Lock": {"lock LOCK", `
		LOCK=(empty) a=[o*1024]
		a=[o*1024]`},
	"Allocate": {"allocate a 4096", `
		a=[o*1024]`},
	"WriteFileAtomic": {"atomic a new", `
		a=new`}, // for a crash within see TestWriteFileAtomic
}

func TestDurabilityTable(t *testing.T) {
	calls := durabilityTable(t)
	for _, call := range calls {
		one, ok := durability[call]
		if !ok {
			t.Errorf("the table has a line %q, and no test keeps it", call)
			continue
		}
		t.Run(call, func(t *testing.T) {
			s := &script{fsys: memfs.New()}
			for line := range strings.SplitSeq("create a; write a 0 o*1024; sync a; syncdir .; "+one.script, "; ") {
				if answer := s.run(line); answer != nil {
					t.Fatalf("%s: %v", line, answer)
				}
			}
			got := strings.Join(outcomes(s.fsys), "\n")
			want := strings.ReplaceAll(strings.TrimSpace(one.outcomes), "\t", "")
			if got != want {
				t.Errorf("after %s a crash leaves\n%s\nwant\n%s", one.script, got, want)
			}
		})
	}
	for call := range durability {
		if !slices.Contains(calls, call) {
			t.Errorf("there is a test of %q, and no line of the table", call)
		}
	}
}

// durabilityTable gives the first column of the table.
func durabilityTable(t *testing.T) (calls []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../doc.go", nil, parser.ParseComments|parser.PackageClauseOnly)
	check(t, err)
	_, section, ok := strings.Cut(docText(file.Doc), "# Durability")
	if !ok {
		t.Fatal("the documentation of package vfs has no section Durability")
	}
	section, _, _ = strings.Cut(section, "\n# ")
	columns := regexp.MustCompile(`^(\S.*?) {2,}(\S.*?) {2,}(\S.*)$`)
	for line := range strings.SplitSeq(section, "\n") {
		row, ok := strings.CutPrefix(line, "\t")
		if !ok {
			continue
		}
		cells := columns.FindStringSubmatch(row)
		if cells == nil {
			t.Errorf("%q has not three columns", row)
		} else if cells[1] != "call" {
			calls = append(calls, cells[1])
		}
	}
	if len(calls) == 0 {
		t.Fatal("the table is empty")
	}
	return calls
}

// docText is a comment as it stands, without the slashes.
func docText(doc *ast.CommentGroup) string {
	var out strings.Builder
	for _, c := range doc.List {
		out.WriteString(strings.TrimPrefix(strings.TrimPrefix(c.Text, "//"), " ") + "\n")
	}
	return out.String()
}
