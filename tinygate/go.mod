module github.com/unio-go/unio/tinygate

go 1.26

require github.com/unio-go/unio v0.0.0

replace github.com/unio-go/unio => ../
