package unio_test

import (
	"context"
	"sync"
	"testing"

	"github.com/unio-go/unio"
)

// inTask runs a benchmark's loop as a task, on a runtime of one loop.
func inTask(b *testing.B, fn func()) {
	b.Helper()
	rt, err := unio.New(&unio.Options{Engine: unio.Std, Loops: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer rt.Close()
	b.ReportAllocs()
	done := make(chan struct{})
	rt.Go(func() { defer close(done); fn() })
	<-done
}

// BenchmarkMutex compares Lock and Unlock of what nobody else wants, and the hand-over between two who always want it,
// with sync.Mutex.
func BenchmarkMutex(b *testing.B) {
	bg := context.Background()
	b.Run("free/unio", func(b *testing.B) {
		inTask(b, func() {
			var m unio.Mutex
			n := 0
			for b.Loop() {
				m.Lock(bg)
				n++
				m.Unlock()
			}
		})
	})
	b.Run("free/sync", func(b *testing.B) {
		inTask(b, func() {
			var m sync.Mutex
			n := 0
			for b.Loop() {
				m.Lock()
				n++
				m.Unlock()
			}
		})
	})
	b.Run("waited-for/unio-tasks", func(b *testing.B) {
		inTask(b, func() {
			var m unio.Mutex
			var g unio.Group
			over := false
			g.Go(func() error {
				for !over {
					m.Lock(bg)
					m.Unlock()
				}
				return nil
			})
			m.Lock(bg)
			unio.Sleep(0) // the other waits from now on
			for b.Loop() {
				m.Unlock()
				m.Lock(bg)
			}
			over = true
			m.Unlock()
			g.Wait()
		})
	})
	b.Run("waited-for/unio-goroutines", func(b *testing.B) {
		var m unio.Mutex
		n := 0
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				m.Lock(bg)
				n++
				m.Unlock()
			}
		})
	})
	b.Run("waited-for/sync-goroutines", func(b *testing.B) {
		var m sync.Mutex
		n := 0
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				m.Lock()
				n++
				m.Unlock()
			}
		})
	})
}

// BenchmarkChan compares a value that is put and taken without waiting, and one that goes to another and comes back, with
// Go's channels.
func BenchmarkChan(b *testing.B) {
	bg := context.Background()
	b.Run("buffered/unio", func(b *testing.B) {
		inTask(b, func() {
			c := unio.NewChan[int](1)
			for b.Loop() {
				c.Send(bg, 1)
				c.Recv(bg)
			}
		})
	})
	b.Run("buffered/go", func(b *testing.B) {
		inTask(b, func() {
			c := make(chan int, 1)
			for b.Loop() {
				c <- 1
				<-c
			}
		})
	})
	pingPong := func(b *testing.B, echo func(func() error)) {
		var ping, pong unio.Chan[int]
		done := make(chan struct{})
		echo(func() error {
			defer close(done)
			for v, err := ping.Recv(bg); err == nil; v, err = ping.Recv(bg) {
				pong.Send(bg, v)
			}
			return nil
		})
		for b.Loop() {
			ping.Send(bg, 1)
			pong.Recv(bg)
		}
		ping.Close()
	}
	b.Run("there-and-back/unio-tasks", func(b *testing.B) {
		inTask(b, func() {
			var g unio.Group
			pingPong(b, g.Go)
			g.Wait()
		})
	})
	b.Run("there-and-back/unio-task-and-goroutine", func(b *testing.B) {
		inTask(b, func() { pingPong(b, func(fn func() error) { go fn() }) })
	})
	b.Run("there-and-back/unio-goroutines", func(b *testing.B) {
		pingPong(b, func(fn func() error) { go fn() })
	})
	b.Run("there-and-back/go", func(b *testing.B) {
		ping, pong := make(chan int), make(chan int)
		go func() {
			for v := range ping {
				pong <- v
			}
		}()
		for b.Loop() {
			ping <- 1
			<-pong
		}
		close(ping)
	})
}

// BenchmarkGroup compares four functions that do nothing, and the wait for them, with goroutines and a WaitGroup.
func BenchmarkGroup(b *testing.B) {
	nothing := func() error { return nil }
	group := func(b *testing.B) {
		var g unio.Group
		for b.Loop() {
			for range 4 {
				g.Go(nothing)
			}
			g.Wait()
		}
	}
	b.Run("unio-tasks", func(b *testing.B) { inTask(b, func() { group(b) }) })
	b.Run("unio-goroutines", group)
	b.Run("sync-WaitGroup", func(b *testing.B) {
		for b.Loop() {
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {})
			}
			wg.Wait()
		}
	})
}
