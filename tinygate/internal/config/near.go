package config

import "strings"

// nearest returns the one of names that word was probably meant to be, or "". A third of the letters may be wrong, or
// one is the beginning of the other: with more, a guess is more often a riddle than a help.
func nearest(word string, names []string) string {
	best, least := "", max(len(word)/3, 1)+1
	for _, n := range names {
		if len(word) >= 3 && len(n) >= 3 && (strings.HasPrefix(n, word) || strings.HasPrefix(word, n)) {
			return n
		}
		if d := distance(strings.ToLower(word), strings.ToLower(n), least); d < least {
			best, least = n, d
		}
	}
	return best
}

// guess is the question that follows an unknown word.
func guess(word string, names []string) string {
	if n := nearest(word, names); n != "" {
		return "did you mean " + n + "? "
	}
	return ""
}

// distance is how many letters have to be inserted, deleted, replaced or swapped with their neighbour (optimal string
// alignment); stop when it is not below limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		least := row[0]
		for j := range len(b) {
			d := last[j]
			if a[i] != b[j] {
				d++
			}
			d = min(d, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			row[j+1] = d
			least = min(least, d)
		}
		if least > limit { // a swap reaches back by two rows, so equal is not the end
			return limit
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
