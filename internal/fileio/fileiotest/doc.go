// Package fileiotest says what an executor of package fileio has to do, as cases that each of them is put through.
package fileiotest
