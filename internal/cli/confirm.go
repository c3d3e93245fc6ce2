package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// confirm asks a question on a terminal; nil is yes. Where nobody can answer it
// is no, and says how to say yes beforehand.
func (sh *shell) confirm(question string) error {
	f, ok := sh.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || !sh.out.Terminal {
		fmt.Fprintf(sh.err, "%s nothing was changed; add --yes to go on without being asked\n", sh.err.Paint(terminal.Yellow, "note:"))
		return failure{exitFailed}
	}
	fmt.Fprintf(sh.out, "%s [y/N] ", question)
	answer, _ := bufio.NewReader(f).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	fmt.Fprintln(sh.out, "Nothing was changed.")
	return failure{exitFailed}
}
