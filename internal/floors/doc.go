// Package floors holds the floor plan of this workspace: floors.txt says which package may import which, and the test
// beside it holds the code against that for every system and build tag that changes what is imported.
package floors
