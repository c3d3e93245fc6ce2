package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// putInto replaces a section of a document, named FILE#SECTION, by a text.
func putInto(place string, text []byte) error {
	name, section, found := strings.Cut(place, "#")
	if !found {
		return fmt.Errorf("-into is %q; write FILE#SECTION", place)
	}
	document, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	changed, err := replaced(document, section, text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, changed, info.Mode())
}

// replaced is a document with another text in one section.
func replaced(document []byte, section string, text []byte) ([]byte, error) {
	mark, end := []byte("<!-- measured: "+section+" -->\n"), []byte("<!-- end -->")
	before, rest, found := bytes.Cut(document, mark)
	_, after, ends := bytes.Cut(rest, end)
	if !found || !ends {
		return nil, fmt.Errorf("there is no section between %s and %s", bytes.TrimSpace(mark), end)
	}
	return bytes.Join([][]byte{before, mark, []byte("\n"), bytes.TrimSpace(text), []byte("\n\n"), end, after}, nil), nil
}
