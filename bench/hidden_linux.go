package main

import (
	"errors"
	"os"

	"github.com/unio-go/unio/bench/internal/host"
	"github.com/unio-go/unio/bench/internal/load"
	"github.com/unio-go/unio/bench/internal/netlog"
	"github.com/unio-go/unio/bench/internal/proxies"
	"github.com/unio-go/unio/bench/internal/randread"
	"github.com/unio-go/unio/bench/internal/soak"
	"github.com/unio-go/unio/bench/internal/trial"
)

// hidden performs the commands by which the binary starts itself as another process. done is false for any
// other name.
func hidden(name string, args []string) (done bool, err error) {
	switch name {
	case host.PinVerb:
		return true, host.BecomePinned(args)
	case load.Verb:
		return true, load.Serve(os.Stdin, os.Stdout)
	case randread.Verb:
		return true, randread.Serve(os.Stdin, os.Stdout)
	case netlog.Verb:
		return true, netlog.Serve(args, os.Stdin, os.Stdout)
	case proxies.UpstreamVerb:
		return true, proxies.ServeUpstream(os.Stdin, os.Stdout)
	case proxies.GoProxyVerb:
		return true, proxies.GoProxy(args, os.Stdin)
	case trial.Verb:
		return true, trial.Serve(trials, args, os.Stdin, os.Stdout)
	case soak.Verb:
		if len(args) != 1 {
			return true, errors.New("want the name of one engine")
		}
		return true, soak.Serve(args[0], os.Stdin, os.Stdout)
	}
	return false, nil
}
