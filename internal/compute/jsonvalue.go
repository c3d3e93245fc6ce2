package compute

import (
	"fmt"
	"reflect"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/selfsame-id/selfsame/internal/event"
)

// valueOf makes a CEL value of a valid JSON value. A null, and no value, are nil: they
// are as good as absent. Text shares memory with raw.
func valueOf(raw []byte) ref.Val {
	if len(raw) == 0 {
		return nil
	}
	switch raw[0] {
	case '{':
		return &jsonObject{raw: raw}
	case '[':
		return jsonList(raw)
	case 't':
		return types.True
	case 'f':
		return types.False
	case 'n':
		return nil
	case '"':
		text, _ := event.Text(raw)
		return types.String(text)
	}
	return numberOf(raw)
}

// numberOf is a JSON number as CEL has it: with a fraction, unless it is a whole
// number too long to be exact that way.
func numberOf(raw []byte) ref.Val {
	s := string(raw)
	if len(s) > 15 {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return types.Int(n)
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return types.NewErr("the number %s is out of range", s)
	}
	return types.Double(f)
}

// jsonList makes a list, without what is null in it.
func jsonList(raw []byte) ref.Val {
	var list []ref.Val
	event.ForEachElement(raw, func(one []byte) bool {
		if v := valueOf(one); v != nil {
			list = append(list, v)
		}
		return true
	})
	return types.NewRefValList(types.DefaultTypeAdapter, list)
}

// jsonObject is a CEL map over a JSON object, which is read when it is first asked
// about. Members that are null are not in it.
type jsonObject struct {
	raw     []byte
	read    bool
	members []jsonMember // the last of equal keys counts
}

type jsonMember struct {
	key string
	raw []byte
}

// reset makes o an object over raw and keeps its memory.
func (o *jsonObject) reset(raw []byte) { *o = jsonObject{raw: raw, members: o.members[:0]} }

func (o *jsonObject) load() {
	if o.read {
		return
	}
	o.read = true
	event.ForEach(o.raw, func(key string, raw []byte) bool {
		o.members = append(o.members, jsonMember{key, raw})
		return true
	})
}

// lookup returns the raw value of a key; nil if there is none, or null.
func (o *jsonObject) lookup(key string) []byte {
	o.load()
	for i := len(o.members) - 1; i >= 0; i-- {
		if m := &o.members[i]; m.key == key {
			if m.raw[0] == 'n' {
				return nil
			}
			return m.raw
		}
	}
	return nil
}

// keys are the keys of members that are not null, each once.
func (o *jsonObject) keys() []ref.Val {
	o.load()
	seen := make(map[string]bool, len(o.members))
	var out []ref.Val
	for _, m := range o.members {
		if !seen[m.key] && o.lookup(m.key) != nil {
			out = append(out, types.String(m.key))
		}
		seen[m.key] = true
	}
	return out
}

// Find implements traits.Mapper.
func (o *jsonObject) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key), false
	}
	v := valueOf(o.lookup(string(name)))
	return v, v != nil
}

// Get implements traits.Indexer.
func (o *jsonObject) Get(key ref.Val) ref.Val {
	v, found := o.Find(key)
	if v == nil || !found && !types.IsError(v) {
		return types.NewErr("no such key: %v", key)
	}
	return v
}

// Contains implements traits.Container.
func (o *jsonObject) Contains(key ref.Val) ref.Val {
	v, found := o.Find(key)
	if !found && v != nil {
		return v
	}
	return types.Bool(found)
}

// Size implements traits.Sizer.
func (o *jsonObject) Size() ref.Val { return types.Int(len(o.keys())) }

// Iterator implements traits.Iterable: over the keys.
func (o *jsonObject) Iterator() traits.Iterator {
	return types.NewRefValList(types.DefaultTypeAdapter, o.keys()).Iterator()
}

// Equal implements ref.Val.
func (o *jsonObject) Equal(other ref.Val) ref.Val {
	m, ok := other.(traits.Mapper)
	if !ok {
		return types.False
	}
	keys := o.keys()
	if m.Size() != types.Int(len(keys)) {
		return types.False
	}
	for _, key := range keys {
		v, found := m.Find(key)
		if !found || types.Equal(o.Get(key), v) != types.True {
			return types.False
		}
	}
	return types.True
}

// ConvertToType implements ref.Val.
func (o *jsonObject) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return o
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("an object is no %s", t.TypeName())
}

// ConvertToNative implements ref.Val.
func (o *jsonObject) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("compute: an object is no %v", t)
}

// Type implements ref.Val.
func (o *jsonObject) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (o *jsonObject) Value() any { return o }
