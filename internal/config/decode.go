package config

import (
	"bytes"
	"encoding"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/selfsame-id/selfsame/internal/spelling"
)

// decoder fills a struct from a YAML document and notes every mistake and the
// line of every key, so that later checks can say where a value stands.
type decoder struct {
	file     string
	lines    map[string]int  // by path, as in spaces[0].sources[1].id
	failed   map[string]bool // paths that could not be read
	mistakes *Mistakes
}

func newDecoder(file string) *decoder {
	return &decoder{file: file, lines: map[string]int{}, failed: map[string]bool{}, mistakes: &Mistakes{}}
}

// wrong reports that what stands at a path cannot be read.
func (d *decoder) wrong(path string, line int, format string, args ...any) {
	d.failed[path] = true
	d.mistakes.add(d.at(line), format, args...)
}

// hasFailed reports whether a path, or something around it, could not be read.
func (d *decoder) hasFailed(path string) bool {
	for {
		if d.failed[path] {
			return true
		}
		if path == "" {
			return false
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// yamlLine finds the line in an error of the YAML parser.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// document decodes the one document of data into the struct that into points to.
func (d *decoder) document(data []byte, into any) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return // an empty file sets nothing
		}
		d.syntax(err)
		return
	}
	var next yaml.Node
	if err := dec.Decode(&next); err == nil {
		d.wrong("", next.Line, "a second document begins here; put everything into one")
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
	root := doc.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return
	}
	d.value(root, reflect.ValueOf(into).Elem(), "")
}

func (d *decoder) syntax(err error) {
	d.failed[""] = true
	text := err.Error()
	where := d.at(1) // the parser names no line when it is the first
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		text = text[len(m[0]):]
		if m[1] != "" {
			where = d.file + ":" + m[1]
		}
	}
	d.mistakes.add(where, "this is not YAML: %s", text)
}

func (d *decoder) at(line int) string { return d.file + ":" + strconv.Itoa(line) }

// line finds the place of a path, or of the nearest thing around it.
func (d *decoder) line(path string) string {
	for path != "" {
		if n, ok := d.lines[path]; ok {
			return d.at(n)
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return d.file
}

func (d *decoder) value(n *yaml.Node, into reflect.Value, path string) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if _, seen := d.lines[path]; !seen && path != "" {
		d.lines[path] = n.Line
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return // "key:" with nothing behind it sets nothing
	}
	if into.Kind() == reflect.Pointer {
		into.Set(reflect.New(into.Type().Elem()))
		into = into.Elem()
	}
	if into.CanAddr() && into.Addr().Type().Implements(textUnmarshaler) {
		if !d.scalar(n, path, "a plain value") {
			return
		}
		if err := into.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value)); err != nil {
			d.wrong(path, n.Line, "%s: %v", path, err)
		}
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		d.object(n, into, path)
	case reflect.Slice:
		d.list(n, into, path)
	case reflect.String:
		if d.scalar(n, path, "a text") {
			into.SetString(n.Value)
		}
	case reflect.Int:
		if !d.scalar(n, path, "a whole number") {
			return
		}
		v, err := strconv.Atoi(strings.ReplaceAll(n.Value, "_", ""))
		if err != nil {
			d.wrong(path, n.Line, "%s is %q; write a whole number", path, n.Value)
			return
		}
		into.SetInt(int64(v))
	case reflect.Bool:
		if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
			d.wrong(path, n.Line, "%s is %s; write true or false", path, kind(n))
			return
		}
		into.SetBool(n.Value == "true")
	default:
		panic(fmt.Sprintf("config: no way to read a %s", into.Type()))
	}
}

func (d *decoder) scalar(n *yaml.Node, path, wanted string) bool {
	if n.Kind == yaml.ScalarNode {
		return true
	}
	d.wrong(path, n.Line, "%s is %s; write %s", path, kind(n), wanted)
	return false
}

func (d *decoder) list(n *yaml.Node, into reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.wrong(path, n.Line, "%s is %s; write a list, with a dash before each entry", path, kind(n))
		return
	}
	out := reflect.MakeSlice(into.Type(), len(n.Content), len(n.Content))
	for i, entry := range n.Content {
		if entry.Kind == yaml.ScalarNode && entry.Tag == "!!null" {
			d.wrong(path, entry.Line, "%s[%d] is empty; write a value (the word null needs quotes)", path, i)
			continue
		}
		d.value(entry, out.Index(i), path+"["+strconv.Itoa(i)+"]")
	}
	into.Set(out)
}

func (d *decoder) object(n *yaml.Node, into reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		where := path
		if where == "" {
			where = "the file"
		}
		d.wrong(path, n.Line, "%s is %s; write keys with values, such as %s: …", where, kind(n), firstKey(into.Type()))
		return
	}
	fields, names := keysOf(into.Type())
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if line, twice := first[key.Value]; twice {
			d.mistakes.add(d.at(key.Line), "%s is set twice, first in line %d; remove one of them", join(path, key.Value), line)
			continue
		}
		first[key.Value] = key.Line
		index, known := fields[key.Value]
		if !known {
			hint := "known here: " + strings.Join(names, ", ")
			if near := spelling.Nearest(key.Value, names); near != "" {
				hint = "did you mean " + near + "?"
				d.failed[join(path, near)] = true // it would be reported again, as missing
			}
			d.mistakes.add(d.at(key.Line), "there is no key %s; %s", join(path, key.Value), hint)
			continue
		}
		d.lines[join(path, key.Value)] = key.Line
		d.value(value, into.Field(index), join(path, key.Value))
		d.zero(value, into.Type().Field(index), into.Field(index), join(path, key.Value))
	}
}

// zero refuses the number 0 where 0 stands for "not set": who writes it means
// something else.
func (d *decoder) zero(n *yaml.Node, field reflect.StructField, v reflect.Value, path string) {
	if v.Kind() == reflect.Int && v.IsZero() && n.Kind == yaml.ScalarNode && n.Tag != "!!null" &&
		strings.HasSuffix(field.Tag.Get("yaml"), ",omitempty") && !d.failed[path] {
		d.wrong(path, n.Line, "%s is 0; write at least 1, or leave it out for the default", path)
	}
}

// keysOf returns the fields of a struct by their keys, and the keys in order.
func keysOf(t reflect.Type) (fields map[string]int, names []string) {
	fields = map[string]int{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name == "-" {
			continue
		}
		fields[name] = i
		names = append(names, name)
	}
	return fields, names
}

func firstKey(t reflect.Type) string {
	_, names := keysOf(t)
	return names[0]
}

func join(path, key string) string {
	if path == "" || key == "" {
		return path + key
	}
	return path + "." + key
}

// kind names what a node is, with its article.
func kind(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a set of keys"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		return strconv.Quote(n.Value)
	}
	return "something else"
}

// outside sets one top-level key to what the environment or a flag says.
func (d *decoder) outside(key, where, text string, cfg *Config) {
	fields, _ := keysOf(reflect.TypeFor[Config]())
	one := newDecoder(where)
	one.value(&yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}, reflect.ValueOf(cfg).Elem().Field(fields[key]), key)
	delete(d.failed, key) // what the file says there no longer counts
	for _, m := range one.mistakes.List {
		d.failed[key] = true
		d.mistakes.add(where, "%s", m.What)
	}
}
