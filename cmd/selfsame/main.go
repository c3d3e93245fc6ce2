// Command selfsame resolves events into profiles: `selfsame help`.
package main

import (
	"os"

	"github.com/selfsame-id/selfsame/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:]))
}
