// Package spelling finds what a misspelt word was meant to be.
package spelling

import "strings"

// Nearest returns the candidate that a misspelt word was most likely meant to be, or "".
// A word in capitals is near one in small letters.
func Nearest(word string, candidates []string) string {
	best, least := "", 1+len(word)/3
	for _, c := range candidates {
		if len(c)-len(word) > least || len(word)-len(c) > least {
			continue // at least so far away
		}
		if d := min(distance(word, c), distance(strings.ToLower(word), c)); d <= least && d < len(c) {
			best, least = c, d-1
		}
	}
	return best
}

// distance is how many letters have to be added, removed, replaced or swapped
// with their neighbour to make b of a.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
