package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/client"

	"github.com/selfsame-id/selfsame/internal/cli/terminal"

	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/api"
)

// entryFlags are what a definition is made of on the command line: single fields, or a
// file with all of them.
type entryFlags struct {
	file   string
	fields []*entryField
}

type entryField struct {
	name string   // in the document
	text []string // as given
	list bool     // several are a list
}

func (e *entryFlags) add(cmd *cobra.Command, flag, name, usage string) {
	f := &entryField{name: name}
	e.fields = append(e.fields, f)
	cmd.Flags().Func(flag, usage, func(s string) error { f.text = append(f.text, s); return nil })
}

// addList adds a flag that may be given several times.
func (e *entryFlags) addList(cmd *cobra.Command, flag, name, usage string) {
	e.add(cmd, flag, name, usage)
	e.fields[len(e.fields)-1].list = true
}

func (e *entryFlags) addFile(cmd *cobra.Command, what string) {
	cmd.Flags().StringVarP(&e.file, "file", "f", "", "a `FILE` with the fields of the "+what+" in YAML, - for standard input")
}

// given reports whether the command line says anything of the definition.
func (e *entryFlags) given() bool {
	for _, f := range e.fields {
		if len(f.text) > 0 {
			return true
		}
	}
	return e.file != ""
}

// entry is the definition as a node of the document: what the file says, and what the
// flags say instead.
func (sh *shell) entry(e *entryFlags, key string) (*yaml.Node, error) {
	entry := &yaml.Node{Kind: yaml.MappingNode}
	if e.file != "" {
		text, err := sh.readAll(e.file)
		if err != nil {
			return nil, err
		}
		var root yaml.Node
		if err := yaml.Unmarshal([]byte(text), &root); err != nil {
			return nil, usage("%s: %v", e.file, err)
		}
		if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
			return nil, usage("%s is no definition: it has to be a mapping, such as kind: count", e.file)
		}
		entry = root.Content[0]
		for _, section := range []string{"traits", "audiences", "destinations"} {
			if _, whole := member(entry, section); whole == nil {
				continue
			}
			return nil, usage("%s is a whole document (it has %s); put it in force with selfsame apply, or give the fields of %s only", e.file, section, key)
		}
		// The file may name the key itself.
		if _, inner := member(entry, key); inner != nil && len(entry.Content) == 2 {
			entry = inner
		}
	}
	for _, f := range e.fields {
		if len(f.text) == 0 {
			continue
		}
		value := textNode(f.text[len(f.text)-1])
		if f.list && len(f.text) > 1 {
			value = &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
			for _, text := range f.text {
				value.Content = append(value.Content, textNode(text))
			}
		}
		setMember(entry, f.name, value)
	}
	return entry, nil
}

// textNode is a text of YAML, whatever it looks like.
func textNode(text string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	return n
}

// setMember sets a key of a mapping.
func setMember(n *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i+1] = value
			return
		}
	}
	n.Content = append(n.Content, textNode(key), value)
}

// removeMember takes a key out of a mapping.
func removeMember(n *yaml.Node, key string) bool {
	if n == nil {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = append(n.Content[:i], n.Content[i+2:]...)
			return true
		}
	}
	return false
}

// edited is a document of definitions in which edit changed a section. What is not
// touched keeps its order and comments.
func edited(document, section string, edit func(section *yaml.Node) error) (string, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(document), &root); err != nil {
		return "", fmt.Errorf("the definitions in force cannot be read: %w", err)
	}
	if len(root.Content) == 0 {
		root = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	top := root.Content[0]
	_, in := member(top, section)
	if in == nil || in.Kind != yaml.MappingNode {
		in = &yaml.Node{Kind: yaml.MappingNode}
		setMember(top, section, in)
	}
	if err := edit(in); err != nil {
		return "", err
	}
	if len(in.Content) == 0 {
		removeMember(top, section)
	}
	if len(top.Content) == 0 {
		return "{}\n", nil
	}
	top.Style &^= yaml.FlowStyle
	in.Style &^= yaml.FlowStyle
	var b strings.Builder
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err := e.Encode(&root)
	return b.String(), err
}

// entryFlagsOf adds the flags with which a definition of a kind is described.
func entryFlagsOf(cmd *cobra.Command, k *definitionKind) *entryFlags {
	e := &entryFlags{}
	e.addFile(cmd, k.one)
	switch k.section {
	case "traits":
		e.addList(cmd, "event", "event", "the `NAME` of the events that count, or a glob such as \"* Clicked\"; may be given several times")
		e.add(cmd, "kind", "kind", "what is computed: `count`, sum, average, minimum, maximum, first, last, most_frequent, unique_list, unique_count")
		e.add(cmd, "property", "property", "the `PATH` of the value, such as properties.revenue or products[].product_id")
		e.add(cmd, "where", "where", "a condition on the event, in `CEL`: 'properties.price > 50'")
		e.add(cmd, "window", "window", "only events of the last so much `TIME`, such as 90d")
	case "audiences":
		e.add(cmd, "when", "when", "who is in it, an expression in `CEL`: 'traits.orders >= 3'")
	}
	if k.section != "destinations" {
		e.add(cmd, "for", "for", "`accounts`, if it is about these; else users")
	}
	e.add(cmd, "name", "name", "its `NAME` for people")
	e.add(cmd, "description", "description", "what it is, a `TEXT` for people")
	return e
}

func (sh *shell) definitionCreate(k *definitionKind) *cobra.Command {
	o := &change{}
	cmd := &cobra.Command{
		Use:   "create KEY [flags]",
		Short: "Define another one, and compute it over history",
		Long: `Adds one definition to those in force, shows what that changes, and asks. The fields
come from flags, or from a file, where all that docs/definitions.md says can be said.
--replace changes one that is there.`,
		Example: map[string]string{
			"traits": `  selfsame traits create orders --event "Order Completed" --kind count
  selfsame traits create favourite --event "* Viewed" --kind most_frequent --property properties.category --window 90d
  selfsame traits create cart_left -f - <<END
  kind: unmatched
  event: Product Added
  property: properties.product_id
  without: {event: Order Completed, property: "properties.products[].product_id"}
  END`,
			"audiences": `  selfsame audiences create vip --when 'traits.orders >= 3 && traits.plan == "pro"'
  selfsame audiences create recent --when 'events("Order Completed", revenue > 50).within("7d").count() >= 1'`,
			"destinations": `  selfsame destinations create crm -f - <<END
  type: webhook
  send: {audiences: all, traits: [orders]}
  webhook: {url: "https://crm.example.com/selfsame", secret: whsec_…}
  END`,
		}[k.section],
		Args: exactly("KEY"),
	}
	w := sh.where(cmd, true)
	e := entryFlagsOf(cmd, k)
	replace := cmd.Flags().Bool("replace", false, "change the one that is there")
	o.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		key := args[0]
		if !e.given() {
			return usage("nothing says what %s is: give flags, or its fields in a file with -f; see: %s --help", terminal.Clean(key), cmd.CommandPath())
		}
		entry, err := sh.entry(e, key)
		if err != nil {
			return err
		}
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			now, err := definitionsOf(cmd.Context(), c, space)
			if err != nil {
				return err
			}
			text, err := edited(now.Document, k.section, func(section *yaml.Node) error {
				if _, old := member(section, key); old != nil && !*replace {
					return usage("%s %s is there already; add --replace to change it", k.one, terminal.Clean(key))
				}
				setMember(section, key, entry)
				return nil
			})
			if err != nil {
				return err
			}
			return sh.putInForce(cmd.Context(), c, space, now, text, o)
		})
	}
	return cmd
}

func (sh *shell) definitionDelete(k *definitionKind) *cobra.Command {
	o := &change{}
	cmd := &cobra.Command{
		Use: "delete KEY", Short: "Remove one for good: its key is never used again", Args: exactly("KEY"),
		Long: "Takes one definition out of those in force, shows what that changes, and asks. Nothing is\nleft of it, and its key is never used again.",
	}
	if k.section == "destinations" {
		cmd.Short, cmd.Long = "Remove a destination with what waits for it", "Takes a destination out of the definitions, with what waits for it and what it was told,\nshows that and asks."
	}
	w := sh.where(cmd, true)
	o.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			now, err := definitionsOf(cmd.Context(), c, space)
			if err != nil {
				return err
			}
			text, err := edited(now.Document, k.section, func(section *yaml.Node) error {
				if !removeMember(section, args[0]) {
					return fmt.Errorf("space %s defines no %s %q; see: selfsame %s", terminal.Clean(space), k.one, args[0], k.section)
				}
				return nil
			})
			if err != nil {
				return err
			}
			return sh.putInForce(cmd.Context(), c, space, now, text, o)
		})
	}
	return cmd
}

func (sh *shell) audiencePreview(k *definitionKind) *cobra.Command {
	cmd := &cobra.Command{
		Use: "preview KEY [flags]", Short: "Say how many would be in an audience, and show some; nothing is changed", Args: exactly("KEY"),
		Long: `Counts exactly who would be in an audience now if it were defined so, and shows some of
them. All profiles are read for that. Nothing is changed. Without flags it looks at the
audience as it is in force.`,
		Example: `  selfsame audiences preview vip --when 'traits.orders >= 3'
  selfsame audiences preview vip -f vip.yaml --json`,
	}
	w := sh.where(cmd, true)
	asJSON := jsonFlag(cmd)
	e := entryFlagsOf(cmd, k)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		key := args[0]
		return w.inSpace(cmd.Context(), func(c *connection, space string) error {
			now, err := definitionsOf(cmd.Context(), c, space)
			if err != nil {
				return err
			}
			text := now.Document
			if e.given() {
				entry, err := sh.entry(e, key)
				if err != nil {
					return err
				}
				text, err = edited(now.Document, k.section, func(section *yaml.Node) error {
					setMember(section, key, entry)
					return nil
				})
				if err != nil {
					return err
				}
			}
			var p api.AudiencePreview
			began := time.Now()
			if err := c.PostText(cmd.Context(), client.InSpace(space, "audiences", key, "preview"), nil, text, &p); err != nil {
				if client.HasStatus(err, http.StatusNotFound) && !e.given() {
					return fmt.Errorf("space %s defines no audience %q; say who would be in it with --when, or -f", terminal.Clean(space), key)
				}
				return err
			}
			if *asJSON {
				return sh.json(p)
			}
			t := terminal.Table{Styles: []terminal.Style{terminal.Cyan}, Indent: "  "}
			for _, id := range p.Sample {
				t.Add(id)
			}
			fmt.Fprintf(sh.out, "%s would be in %s as of %s", sh.out.Paint(terminal.Bold, terminal.Many(p.Members, "profile")), terminal.Clean(key), terminal.Moment(&p.AsOf))
			fmt.Fprintln(sh.out, sh.out.Paint(terminal.Dim, fmt.Sprintf(" (counted in %.1f s)", time.Since(began).Seconds())))
			t.Write(sh.out)
			if n := p.Members - int64(len(p.Sample)); n > 0 {
				fmt.Fprintln(sh.out, sh.out.Paint(terminal.Dim, fmt.Sprintf("  and %s more", terminal.Count(n))))
			}
			return nil
		})
	}
	return cmd
}
