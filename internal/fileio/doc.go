// Package fileio is the contract for operations on files: what is to be done ([Op]), on what ([File]), and who does it
// ([Executor]). The shared ring of package filering is an executor for goroutines, and so are the threads of package
// filepool; a loop's engine does the same operations for its tasks (engine.File).
package fileio
