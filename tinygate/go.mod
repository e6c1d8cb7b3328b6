module github.com/unio-go/unio/tinygate

go 1.26.0

require github.com/unio-go/unio v0.0.0

require golang.org/x/sys v0.49.0

replace github.com/unio-go/unio => ../
