package instance

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// Build compiles cmd/selfsame of the module that contains the working directory
// into dir, without what only debuggers read, and returns the path of the binary.
func Build(dir string, flags ...string) (string, error) {
	binary := filepath.Join(dir, "selfsame")
	args := append([]string{"build", "-ldflags=-w", "-o", binary}, flags...)
	out, err := exec.Command("go", append(args, "github.com/selfsame-id/selfsame/cmd/selfsame")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building selfsame: %w\n%s", err, out)
	}
	return binary, nil
}
