package values

import (
	"fmt"
	"reflect"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/selfsame-id/selfsame/internal/event"
)

// ValueOf makes a CEL value of a valid JSON value. A null, and no value, are nil: they
// are as good as absent. Text shares memory with raw.
func ValueOf(raw []byte) ref.Val {
	if len(raw) == 0 {
		return nil
	}
	switch raw[0] {
	case '{':
		return &Object{raw: raw}
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
		if v := ValueOf(one); v != nil {
			list = append(list, v)
		}
		return true
	})
	return types.NewRefValList(types.DefaultTypeAdapter, list)
}

// jsonObject is a CEL map over a JSON object, which is read when it is first asked
// about. Members that are null are not in it.
type Object struct {
	raw     []byte
	read    bool
	Members []jsonMember // the last of equal keys counts
}

type jsonMember struct {
	key string
	raw []byte
}

// Reset makes o an object over raw and keeps its memory.
func (o *Object) Reset(raw []byte) { *o = Object{raw: raw, Members: o.Members[:0]} }

func (o *Object) load() {
	if o.read {
		return
	}
	o.read = true
	event.ForEach(o.raw, func(key string, raw []byte) bool {
		o.Members = append(o.Members, jsonMember{key, raw})
		return true
	})
}

// Lookup returns the raw value of a key; nil if there is none, or null.
func (o *Object) Lookup(key string) []byte {
	o.load()
	for i := len(o.Members) - 1; i >= 0; i-- {
		if m := &o.Members[i]; m.key == key {
			if m.raw[0] == 'n' {
				return nil
			}
			return m.raw
		}
	}
	return nil
}

// keys are the keys of members that are not null, each once.
func (o *Object) keys() []ref.Val {
	o.load()
	seen := make(map[string]bool, len(o.Members))
	var out []ref.Val
	for _, m := range o.Members {
		if !seen[m.key] && o.Lookup(m.key) != nil {
			out = append(out, types.String(m.key))
		}
		seen[m.key] = true
	}
	return out
}

// Find implements traits.Mapper.
func (o *Object) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(key), false
	}
	v := ValueOf(o.Lookup(string(name)))
	return v, v != nil
}

// Get implements traits.Indexer.
func (o *Object) Get(key ref.Val) ref.Val {
	v, found := o.Find(key)
	if v == nil || !found && !types.IsError(v) {
		return types.NewErr("no such key: %v", key)
	}
	return v
}

// Contains implements traits.Container.
func (o *Object) Contains(key ref.Val) ref.Val {
	v, found := o.Find(key)
	if !found && v != nil {
		return v
	}
	return types.Bool(found)
}

// Size implements traits.Sizer.
func (o *Object) Size() ref.Val { return types.Int(len(o.keys())) }

// Iterator implements traits.Iterable: over the keys.
func (o *Object) Iterator() traits.Iterator {
	return types.NewRefValList(types.DefaultTypeAdapter, o.keys()).Iterator()
}

// Equal implements ref.Val.
func (o *Object) Equal(other ref.Val) ref.Val {
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
func (o *Object) ConvertToType(t ref.Type) ref.Val {
	switch t {
	case types.MapType:
		return o
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("an object is no %s", t.TypeName())
}

// ConvertToNative implements ref.Val.
func (o *Object) ConvertToNative(t reflect.Type) (any, error) {
	return nil, fmt.Errorf("compute: an object is no %v", t)
}

// Type implements ref.Val.
func (o *Object) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (o *Object) Value() any { return o }
