// Command bench runs unio beside its peers and says what each of them costs.
//
//	go run ./bench                      what there is
//	go run ./bench echo                 the echo comparison, about six minutes
//	go run ./bench echo -quick          a first look, about half a minute
//	go run ./bench echo -check          the same, held against the bounds that unio sets itself
//	go run ./bench http                 HTTP servers: net/http and fasthttp on unio and on net, and a task
//	go run ./bench proxies              reverse proxies: tinygate, nginx, haproxy, httputil and fasthttp, a quarter of an hour
//	go run ./bench randread             random reads of files, beside os.File, mmap, Linux AIO and fio, a quarter of an hour
//	go run ./bench wal                  durable appends, two minutes
//	go run ./bench pebble               Pebble on its own file system and on unio's, a quarter of an hour
//	go run ./bench log                  a journal over the network, half a minute
//	go run ./bench nop                  an operation that does nothing, through each layer
//	go run ./bench soak                 ten minutes of bad days for each of uring and epoll
//	go run ./bench show FILE            the tables of a raw file
//	go run ./bench check FILE           the check of a raw file
//	go run ./bench plot FILE            the plot of a raw file
//
// Raw files are in the Go benchmark format, so benchstat reads them too. Everyday runs go to
// bench/results/local, which is not committed; the raw files of published runs are kept in bench/results.
package main
