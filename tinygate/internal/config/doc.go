// Package config is what tinygate is told: the types that the rest of the program reads, and the file that fills them
// in. docs/tinygate.md explains the file to those who write it.
//
// A file is YAML. It is read strictly: what is not known, not of the right kind or not possible is an error with file,
// line and column, which says what would be right; all errors of a file are told at once. A Config that Load returned is
// complete: defaults are filled in, names are resolved to what they name, patterns are valid, and what the router, the
// edits of headers and the access log would refuse was refused here, where it has a place.
//
// A key is one line in the section that it belongs to (a table of names and of what reads their values), a row on the
// page, and a default in defaults.go; tests hold the three together. Sections read from values, which know their place;
// what is wrong is collected in the reader behind them, so that reading goes on after a mistake. Sections that others
// refer to are read first, wherever they stand in the file. file.go has the keys at the top of the file, and each larger
// section is in a file of its own name; yaml.go, reader.go, env.go, template.go and scalar.go are what they read by.
package config
