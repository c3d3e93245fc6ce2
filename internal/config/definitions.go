package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/selfsame-id/selfsame/internal/compute"
)

// definitions reads the files of definitions that spaces name. What they say is judged
// when the spaces are opened.
func (c *checker) definitions(cfg *Config, file string) {
	for i := range cfg.Spaces {
		s := &cfg.Spaces[i]
		if s.Definitions == "" {
			continue
		}
		if !filepath.IsAbs(s.Definitions) {
			s.Definitions = filepath.Join(filepath.Dir(file), s.Definitions)
		}
		path := fmt.Sprintf("spaces[%d].definitions", i)
		text, err := readAtMost(s.Definitions, compute.MaxDocument)
		switch {
		case err != nil:
			c.wrong(path, "cannot be read: %v", err)
		case len(text) > compute.MaxDocument:
			c.wrong(path, "names a file of more than %d bytes; that is the limit", compute.MaxDocument)
		}
		s.DefinitionsText = text
	}
}

// readAtMost reads a file, and of a larger one a byte more than most.
func readAtMost(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, most+1))
}
