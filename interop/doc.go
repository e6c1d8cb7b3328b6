// Package interop holds no code: its tests prove that what is written for package net runs on unio unchanged. It is a
// module of its own because the tests require golang.org/x/net, fasthttp, grpc and gorilla/websocket, which programs that use unio do not
// need.
package interop
