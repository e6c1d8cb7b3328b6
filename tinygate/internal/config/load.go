package config

import (
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

// Load reads a file, and the files that it names as far as Check does. env is os.LookupEnv, or what stands in for it.
//
// The error is an *Error where the text or a file that it names is wrong, and wraps what the system said where the file
// could not be read. Warnings of Check are among those of the Config.
func Load(file string, env func(string) (string, bool)) (*Config, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("tinygate: configuration: %w; give the path of a file that can be read", err)
	}
	cfg, err := Parse(file, text, env)
	if err != nil {
		return nil, err
	}
	warnings, err := Check(cfg)
	if err != nil {
		return nil, err
	}
	cfg.Warnings = append(cfg.Warnings, warnings...)
	return cfg, nil
}

// Parse reads text and no files. name is that of the file: it stands before each problem, and relative paths begin at its
// folder. The error is an *Error. What stands in the Config is complete and possible; that files which it names are there
// is for Check to say.
func Parse(name string, text []byte, env func(string) (string, bool)) (*Config, error) {
	r := &reader{file: name, env: env}
	root := r.document(text)
	if root == nil {
		return nil, newError(name, r.problems)
	}
	return r.config(root)
}

// Simple is the configuration of a gate with one listener that spreads all requests over servers. The error is an
// *Error without places.
func Simple(listen string, to []string) (*Config, error) {
	servers := &yaml.Node{Kind: yaml.SequenceNode}
	for _, s := range to {
		servers.Content = append(servers.Content, scalarNode(s))
	}
	root := mappingNode(
		"listen", scalarNode(listen),
		"upstreams", mappingNode("default", mappingNode("servers", servers)),
		"routes", mappingNode("to", scalarNode("default")))
	r := &reader{file: "command line", env: func(string) (string, bool) { return "", false }}
	return r.config(root)
}

func scalarNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

// mappingNode makes a mapping of keys and their values in turn.
func mappingNode(pairs ...any) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(pairs); i += 2 {
		m.Content = append(m.Content, scalarNode(pairs[i].(string)), pairs[i+1].(*yaml.Node))
	}
	return m
}

// config reads the whole file.
func (r *reader) config(root *yaml.Node) (*Config, error) {
	f := &fileReader{
		r:          r,
		cfg:        newConfig(r.file),
		ups:        map[string]*upstreamUse{},
		own:        map[string]*Upstream{},
		ownNames:   names{},
		routeNames: map[string]place{},
		places:     map[*Route]place{},
	}
	f.read(r.value("the file", root))
	if err := newError(r.file, r.problems); err != nil {
		return nil, err
	}
	for _, w := range ordered(r.warnings) {
		f.cfg.Warnings = append(f.cfg.Warnings, w.in(r.file))
	}
	return f.cfg, nil
}
