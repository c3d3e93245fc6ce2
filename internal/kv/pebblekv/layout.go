package pebblekv

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// The engine finds its data from a small file whose name says which manifest is
// the current one. Without it, it would start an empty store and clear away
// everything that this one does not know.
const (
	manifestMarker = "marker.manifest."
	formatMarker   = "marker.format-version."
	manifestPrefix = "MANIFEST-"
	firstManifest  = "MANIFEST-000001"
)

// checkComplete refuses a directory that has data without the files that name
// it: kv.ErrIncomplete. It changes nothing.
func checkComplete(fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	if err != nil {
		return err
	}
	slices.Sort(names)
	var data, manifests []string
	var current, format bool
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, manifestMarker):
			current = true
		case strings.HasPrefix(name, formatMarker):
			format = true
		case strings.HasPrefix(name, manifestPrefix):
			manifests = append(manifests, name)
		case strings.HasSuffix(name, ".sst"), strings.HasSuffix(name, ".blob"), strings.HasSuffix(name, ".log"):
			data = append(data, name)
		}
	}
	// A process that ends while it makes a store leaves a first manifest and
	// nothing that it could name.
	begun := len(data) == 0 && (len(manifests) == 0 || slices.Equal(manifests, []string{firstManifest}))
	switch {
	case !current && !begun:
		return incomplete(manifestMarker+"*", append(data, manifests...))
	case current && !format && len(data) > 0 && !onlyLogs(data):
		return incomplete(formatMarker+"*", data)
	case current:
		named, err := atomicfs.ReadMarker(fsys, dir, "manifest")
		if err != nil {
			return err
		}
		if !slices.Contains(manifests, named) {
			return incomplete(named, data)
		}
	}
	return nil
}

// onlyLogs reports whether there are no tables and blobs yet. The engine writes
// its format's marker last, so a store that was being made may lack it.
func onlyLogs(data []string) bool {
	return !slices.ContainsFunc(data, func(name string) bool { return !strings.HasSuffix(name, ".log") })
}

func incomplete(missing string, there []string) error {
	text := fmt.Sprintf("%s is missing; nothing was changed", missing)
	if n := len(there); n > 0 {
		text = fmt.Sprintf("%s is missing, without which %d files such as %s cannot be read; nothing was changed", missing, n, there[0])
	}
	return fmt.Errorf("%w: %s", kv.ErrIncomplete, text)
}
