package event

import (
	"slices"
	"strings"
)

// FromQuery makes the body of a message from the plain query parameters of the
// pixel endpoint. A dot in a parameter's name leads into an object:
//
//	userId=u1&event=Email+Opened&properties.subject=Hello
//	{"event":"Email Opened","properties":{"subject":"Hello"},"userId":"u1"}
//
// Every value is a string, for nothing tells the number 007 from the code
// "007"; only context.device.adTrackingEnabled=true is the boolean that it
// stands for. Of a parameter given several times the last value counts. Members
// are in the order of their names. writeKey stays in, as in a body that is
// posted; `data` is left out. An error is a *Refusal: a name with an empty part
// ("a..b"), one that is both a value and an object, or one nested too deep.
func FromQuery(values map[string][]string) ([]byte, error) {
	root := &queryObject{}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		given := values[name]
		if name == "data" || len(given) == 0 {
			continue
		}
		if r := root.put(name, given[len(given)-1]); r != nil {
			return nil, r
		}
	}
	return root.append(nil, ""), nil
}

// queryObject is an object under construction.
type queryObject struct {
	names   []string // in the order they came
	members map[string]any
}

// put sets the value at a dotted path.
func (o *queryObject) put(path, value string) *Refusal {
	if strings.Count(path, ".") >= DefaultLimits.Depth {
		return refuse(TooDeep, "", "a query parameter's name leads deeper than %d objects; flatten it", DefaultLimits.Depth)
	}
	for rest := path; ; {
		name, after, inner := strings.Cut(rest, ".")
		if name == "" {
			return refuse(BadField, "", "the query parameter %s has an empty part in its name; name it as in properties.subject", quoteShort(path))
		}
		old, there := o.members[name]
		if !there {
			if o.members == nil {
				o.members = map[string]any{}
			}
			o.names = append(o.names, name)
		}
		if !inner {
			if there {
				return refuse(BadField, "", "the query has both %s and parameters below it; send one or the other", quoteShort(path))
			}
			o.members[name] = value
			return nil
		}
		child, isObject := old.(*queryObject)
		if there && !isObject {
			return refuse(BadField, "", "the query parameter %s leads into a parameter that has a value itself; send one or the other", quoteShort(path))
		}
		if !there {
			child = &queryObject{}
			o.members[name] = child
		}
		o, rest = child, after
	}
}

// append writes the object, which lies at path.
func (o *queryObject) append(out []byte, path string) []byte {
	out = append(out, '{')
	slices.Sort(o.names)
	for i, name := range o.names {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendString(out, name)
		out = append(out, ':')
		switch v := o.members[name].(type) {
		case *queryObject:
			out = v.append(out, path+name+".")
		case string:
			if v == "true" && path+name == "context.device.adTrackingEnabled" {
				out = append(out, v...)
			} else {
				out = appendString(out, v)
			}
		}
	}
	return append(out, '}')
}
