package interop

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/unio-go/unio"
	"github.com/unio-go/unio/uniotest"
)

// TestGRPC has grpc's server and client, which bring an HTTP/2 of their own.
func TestGRPC(t *testing.T) {
	cases := []struct {
		name string
		run  func(t *testing.T, p procedures)
	}{
		{"unary", func(t *testing.T, p procedures) { p.echoes(t, "small") }},
		{"large", func(t *testing.T, p procedures) { p.echoes(t, large) }},
		{"parallel", parallelCalls},
		{"streams", streams},
		{"deadline", func(t *testing.T, p procedures) {
			ctx, cancel := context.WithTimeout(t.Context(), pause)
			defer cancel()
			p.ends(t, ctx, codes.DeadlineExceeded)
		}},
		{"cancel", func(t *testing.T, p procedures) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(pause, cancel)
			p.ends(t, ctx, codes.Canceled)
		}},
		{"graceful-stop", gracefulStop},
	}
	uniotest.EachEngine(t, func(t *testing.T, rt *unio.Runtime) {
		for _, side := range sides {
			for _, c := range cases {
				t.Run(side.name+"/"+c.name, func(t *testing.T) {
					c.run(t, newProcedures(t, pick(rt, side.server), pick(rt, side.client)))
				})
			}
		}
		uniotest.Idle(t, rt)
	})
}

// procedures are those of a server, with the means to stop it.
type procedures struct {
	grpc_testing.TestServiceClient
	server *grpc.Server
}

func newProcedures(t *testing.T, server, client stack) procedures {
	t.Helper()
	ln, err := server.listen("tcp", freshAddr(t, "tcp"))
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	grpc_testing.RegisterTestServiceServer(s, echoService{})
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.Stop()
		if err := await(ended); err != nil {
			t.Errorf("Serve ended with %v", err)
		}
	})
	conn, err := grpc.NewClient("passthrough:///"+ln.Addr().String(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return client.dial(ctx, "tcp", addr) }),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return procedures{grpc_testing.NewTestServiceClient(conn), s}
}

// echoService sends payloads back. A request without one waits for its end.
type echoService struct {
	grpc_testing.UnimplementedTestServiceServer
}

func (echoService) UnaryCall(ctx context.Context, r *grpc_testing.SimpleRequest) (*grpc_testing.SimpleResponse, error) {
	if r.GetPayload() == nil {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &grpc_testing.SimpleResponse{Payload: r.GetPayload()}, nil
}

func (echoService) FullDuplexCall(s grpc_testing.TestService_FullDuplexCallServer) error {
	for {
		r, err := s.Recv()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Send(&grpc_testing.StreamingOutputCallResponse{Payload: r.GetPayload()}); err != nil {
			return err
		}
	}
}

func payload(s string) *grpc_testing.Payload { return &grpc_testing.Payload{Body: []byte(s)} }

func (p procedures) echoes(t *testing.T, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	r, err := p.UnaryCall(ctx, &grpc_testing.SimpleRequest{Payload: payload(want)})
	if err != nil || string(r.GetPayload().GetBody()) != want {
		t.Errorf("%d bytes came back, %d were sent, or they differ: %v", len(r.GetPayload().GetBody()), len(want), err)
	}
}

// ends wants a call that waits to end with its context, and the next one to be served.
func (p procedures) ends(t *testing.T, ctx context.Context, want codes.Code) {
	if _, err := p.UnaryCall(ctx, &grpc_testing.SimpleRequest{}); status.Code(err) != want {
		t.Errorf("the call ended with %v, want %v", err, want)
	}
	p.echoes(t, "next")
}

// stream opens one that a test ends, or its time.
func (p procedures) stream(t *testing.T) grpc_testing.TestService_FullDuplexCallClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	t.Cleanup(cancel)
	s, err := p.FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parallelCalls(t *testing.T, p procedures) {
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() { p.echoes(t, large) })
	}
	all.Wait()
}

// streams sends and receives at the same time, more than a window has room for.
func streams(t *testing.T, p procedures) {
	s := p.stream(t)
	sent := make(chan error, 1)
	go func() {
		var err error
		for range 4 {
			err = errors.Join(err, s.Send(&grpc_testing.StreamingOutputCallRequest{Payload: payload(large)}))
		}
		sent <- errors.Join(err, s.CloseSend())
	}()
	for range 4 {
		if r, err := s.Recv(); err != nil || string(r.GetPayload().GetBody()) != large {
			t.Fatalf("%d bytes came back, or they differ: %v", len(r.GetPayload().GetBody()), err)
		}
	}
	if _, err := s.Recv(); err != io.EOF {
		t.Errorf("the stream ended with %v", err)
	}
	if err := await(sent); err != nil {
		t.Error(err)
	}
}

// gracefulStop has a stream come to its end while the server stops.
func gracefulStop(t *testing.T, p procedures) {
	s := p.stream(t)
	talk := func() {
		if err := s.Send(&grpc_testing.StreamingOutputCallRequest{Payload: payload("word")}); err != nil {
			t.Error(err)
		}
		if _, err := s.Recv(); err != nil {
			t.Error(err)
		}
	}
	talk()
	stopped := make(chan error, 1)
	go func() {
		p.server.GracefulStop()
		stopped <- nil
	}()
	time.Sleep(pause)
	talk()
	s.CloseSend()
	if _, err := s.Recv(); err != io.EOF {
		t.Errorf("the stream ended with %v", err)
	}
	if err := await(stopped); err != nil {
		t.Errorf("GracefulStop: %v", err)
	}
}
