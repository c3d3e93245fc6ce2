package export

import "testing"

func TestCellsAreNoFormulas(t *testing.T) {
	for _, s := range []string{"=1+1", "+x", "-x", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋x", "－x", "＠x", "-1+1"} {
		if got := harmless(s); got != "'"+s {
			t.Errorf("%q became %q", s, got)
		}
	}
	for _, s := range []string{"", "x", "a=1", "-12.5", "+1", "1e3", "\xff="} {
		if got := harmless(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}
