module github.com/unio-go/unio

go 1.26.0

require golang.org/x/sys v0.49.0
