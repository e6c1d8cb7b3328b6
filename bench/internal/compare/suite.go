package compare

// Suite is a comparison: the same load for all of its contenders.
type Suite struct {
	Name       string // heads the names of samples
	File       string // heads the names of files
	Cases      []Case
	Quick      []Case // a first look
	Contenders []Contender
	// Base is what everything is measured against.
	Base Contender
}

// Echo is echo servers, HTTPSuite is servers that answer requests with a body of a given size.
var (
	Echo = &Suite{
		Name: "Echo", File: "echo", Cases: echoCases(), Quick: []Case{caseOne, caseSmall, caseLarge, caseOpen},
		Contenders: echoContenders(), Base: contenderNet,
	}
	HTTPSuite = &Suite{
		Name: "HTTP", File: "http", Cases: httpCases(), Quick: []Case{caseHello, caseHelloTLS},
		Contenders: httpContenders(), Base: contenderNetHTTP,
	}
)

// suite is the one that a case belongs to.
func (c Case) suite() *Suite {
	if c.Proto != "" {
		return HTTPSuite
	}
	return Echo
}

// helloBytes is the body of a page that says hello.
const helloBytes = 13

var (
	caseHello    = Case{Conns: 50, Size: helloBytes, Depth: 1, Proto: HTTP}
	caseHelloTLS = Case{Conns: 50, Size: helloBytes, Depth: 1, Proto: HTTPS}

	contenderNetHTTP   = Contender{"net", "nethttp"}
	contenderUringHTTP = Contender{"uring", "nethttp"}
	contenderEpollHTTP = Contender{"epoll", "nethttp"}
)

func httpCases() []Case {
	var cases []Case
	for _, proto := range []Proto{HTTP, HTTPS} {
		for _, size := range []int{helloBytes, 16 << 10} {
			for _, conns := range []int{50, 1000} {
				cases = append(cases, Case{Conns: conns, Size: size, Depth: 1, Proto: proto})
			}
		}
	}
	return cases
}

// httpContenders are net/http and fasthttp on three foundations, and a task that answers by itself.
func httpContenders() []Contender {
	var all []Contender
	for _, api := range []string{"nethttp", "fasthttp"} {
		for _, engine := range []string{"uring", "epoll", "net"} {
			all = append(all, Contender{engine, api})
		}
	}
	return append(all, Contender{"uring", "task"}, Contender{"epoll", "task"})
}
