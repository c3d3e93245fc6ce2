package main

import "testing"

func TestSectionsAreReplaced(t *testing.T) {
	document := "a\n<!-- measured: x -->\nold\n<!-- end -->\nb\n<!-- measured: y -->\nother\n<!-- end -->\nc\n"
	got, err := replaced([]byte(document), "x", []byte("\nnew\n\n"))
	if want := "a\n<!-- measured: x -->\n\nnew\n\n<!-- end -->\nb\n<!-- measured: y -->\nother\n<!-- end -->\nc\n"; err != nil || string(got) != want {
		t.Errorf("%s\n%v", got, err)
	}
	if _, err := replaced([]byte(document), "z", nil); err == nil {
		t.Error("a section that is not there is replaced")
	}
}
