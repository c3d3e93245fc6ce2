package needs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// told is a test that remembers how it was ended.
type told struct {
	testing.TB
	how string
}

func (t *told) Helper()      {}
func (t *told) Name() string { return "TestOfSomething" }

func (t *told) Fatal(args ...any) {
	t.how = "failed"
	panic(t)
}

func (t *told) Skip(args ...any) {
	t.how = "skipped"
	panic(t)
}

func ended(t testing.TB, what string) (how string) {
	one := &told{TB: t}
	defer func() {
		if r := recover(); r != one {
			t.Errorf("%v", r)
		}
		how = one.how
	}()
	Missing(one, what)
	return ""
}

func TestWhatIsMissingIsListed(t *testing.T) {
	list := filepath.Join(t.TempDir(), "list")
	t.Setenv(listEnv, list)
	t.Setenv("CI", "")
	for range 2 {
		if how := ended(t, "there is no\nbrowser"); how != "skipped" {
			t.Errorf("the test is %q", how)
		}
	}
	text, err := os.ReadFile(list)
	if want := strings.Repeat("TestOfSomething: there is no browser\n", 2); err != nil || string(text) != want {
		t.Errorf("the list is %q, %v", text, err)
	}
	t.Setenv("CI", "true")
	if how := ended(t, "there is no browser"); how != "failed" {
		t.Errorf("with CI=true the test is %q", how)
	}
}

func TestShortRunsLeaveTestsOut(t *testing.T) {
	one := &told{TB: t}
	func() {
		defer func() { _ = recover() }()
		Time(one, "it needs a database")
	}()
	if want := map[bool]string{true: "skipped", false: ""}[testing.Short()]; one.how != want {
		t.Errorf("with -short=%v the test is %q", testing.Short(), one.how)
	}
}
