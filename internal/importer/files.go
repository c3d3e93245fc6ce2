package importer

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Files lists what a name on the command line stands for: itself, or the files
// of events in a directory and in those below it, by name. Files of a directory
// whose names begin with a dot or an underscore are passed over, and others
// whose names do not look like events are in left.
func Files(name string) (files, left []string, err error) {
	if name == "-" {
		return []string{name}, nil, nil
	}
	info, err := os.Stat(name)
	if err != nil || !info.IsDir() {
		return []string{name}, nil, err
	}
	err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if hidden := path != name && strings.ContainsAny(d.Name()[:1], "._"); hidden {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		if !eventful(path) {
			left = append(left, path)
		} else if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	return files, left, err
}

// eventful reports whether a file of a directory looks like events.
func eventful(name string) bool {
	ext, packed := extensions(name)
	switch ext {
	case ".ndjson", ".jsonl", ".json", ".csv", ".tsv", ".tab", ".txt", ".log":
		return true
	}
	return packed
}
