// Package config is what tinygate is told: the types that the rest of the program reads, and the file that fills them
// in.
//
// A file is YAML. It is read strictly: what is not known, not of the right kind or not possible is an error with file,
// line and column, which says what would be right; all errors of a file are told at once. A Config that Load returned is
// complete: defaults are filled in, names are resolved to what they name, patterns are valid.
package config
