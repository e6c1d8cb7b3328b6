package http1

import "testing"

const curlRequest = "GET /index.html HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: curl/8.5.0\r\n" +
	"Accept: */*\r\n\r\n"

const browserRequest = "GET /static/app.js?v=12345 HTTP/1.1\r\n" +
	"Host: www.example.com\r\n" +
	"Connection: keep-alive\r\n" +
	"sec-ch-ua: \"Chromium\";v=\"142\", \"Not_A Brand\";v=\"99\"\r\n" +
	"sec-ch-ua-mobile: ?0\r\n" +
	"sec-ch-ua-platform: \"Linux\"\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) " +
	"AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
	"Sec-Fetch-Site: same-origin\r\n" +
	"Sec-Fetch-Mode: navigate\r\n" +
	"Sec-Fetch-Dest: document\r\n" +
	"Referer: https://www.example.com/some/page.html\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: en-US,en;q=0.9,de;q=0.8\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes\r\n\r\n"

const smallResponse = "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n" +
	"Content-Type: text/plain\r\nContent-Length: 128\r\nConnection: keep-alive\r\n\r\n"

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct{ name, head string }{{"curl", curlRequest}, {"browser", browserRequest}} {
		b.Run("request="+c.name, func(b *testing.B) {
			head := []byte(c.head)
			b.SetBytes(int64(len(head)))
			var r Request
			r.Init(Limits{})
			for b.Loop() {
				r.Reset()
				if n, _ := r.Parse(head); n != len(head) {
					b.Fatal(n)
				}
			}
		})
	}
	b.Run("response=small", func(b *testing.B) {
		head := []byte(smallResponse)
		b.SetBytes(int64(len(head)))
		var r Response
		r.Init(Limits{}, MethodGet)
		for b.Loop() {
			r.Reset(MethodGet)
			if n, _ := r.Parse(head); n != len(head) {
				b.Fatal(n)
			}
		}
	})
}

func BenchmarkForward(b *testing.B) {
	extra := []byte("Via: 1.1 gate\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n")
	for _, c := range []struct{ name, head string }{{"curl", curlRequest}, {"browser", browserRequest}} {
		b.Run("request="+c.name, func(b *testing.B) {
			head := []byte(c.head)
			var r Request
			r.Init(Limits{})
			if _, err := r.Parse(head); err != nil {
				b.Fatal(err)
			}
			dst := make([]byte, 0, 4096)
			for b.Loop() {
				o := r.Out()
				o.Extra = extra
				dst = r.AppendForward(dst[:0], head, &o)
			}
		})
	}
	b.Run("response=small", func(b *testing.B) {
		head := []byte(smallResponse)
		var q Request
		var r Response
		q.Init(Limits{})
		r.Init(Limits{}, MethodGet)
		if _, err := q.Parse([]byte(curlRequest)); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Parse(head); err != nil {
			b.Fatal(err)
		}
		dst := make([]byte, 0, 4096)
		for b.Loop() {
			o := r.Out(&q)
			dst = r.AppendForward(dst[:0], head, &o)
		}
	})
}

func BenchmarkChunked(b *testing.B) {
	body := AppendChunkHeader(nil, 16384)
	body = append(body, make([]byte, 16384)...)
	body = AppendLastChunk(append(body, ChunkEnd...), nil)
	b.SetBytes(int64(len(body)))
	var d Body
	for b.Loop() {
		d.Init(FramingChunked, 0, false)
		for in := body; !d.Done(); {
			_, _, n, err := d.Next(in)
			if err != nil {
				b.Fatal(err)
			}
			in = in[n:]
		}
	}
}
