package export

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/bulk"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// person is a profile with what was computed of it.
type person struct {
	*bulk.Profile
	state     computed.State
	computed  []computedValue // by number
	audiences []string
}

type computedValue struct {
	key  string
	json []byte
}

// The standard columns of profiles and members. Members have `audience` and `since`
// before them.
var profileColumns = []column{
	{"id", text}, {"collection", text}, {"created_at", moment}, {"first_seen", moment}, {"provisional", boolean},
	{"user_id", text}, {"email", text}, {"identifiers", raw}, {"traits", raw}, {"computed_traits", raw}, {"audiences", raw}, {"merged_ids", raw},
}

var identifierColumns = []column{
	{"profile_id", text}, {"collection", text}, {"type", text}, {"value", text}, {"first_seen", moment}, {"source", text}, {"message_id", text},
}

// columnsOf are the columns of the export.
func (e *Export) columnsOf() []column {
	switch e.request.Kind {
	case Identifiers:
		return identifierColumns
	case Events:
		return eventColumns
	}
	var columns []column
	if e.request.Kind == Members {
		columns = append(columns, column{"audience", text}, column{"since", moment})
	}
	if len(e.request.Columns) == 0 {
		return append(columns, profileColumns...)
	}
	chosen := e.request.Columns
	if !slices.Contains(chosen, "id") {
		columns = append(columns, profileColumns[0])
	}
	for _, name := range chosen {
		if i := slices.IndexFunc(profileColumns, func(c column) bool { return c.name == name }); i >= 0 {
			columns = append(columns, profileColumns[i])
		} else if !slices.ContainsFunc(columns, func(c column) bool { return c.name == name }) {
			columns = append(columns, column{name, value})
		}
	}
	return columns
}

// readProfiles reads profiles and makes the rows of those that pass.
func (e *Export) readProfiles(ctx context.Context, ids []codec.ProfileID) piece {
	v := e.fresh(ctx)
	found, err := bulk.Read(v, ids)
	if err != nil {
		return piece{err: err}
	}
	found = slices.DeleteFunc(found, func(p *bulk.Profile) bool { return p.Record.Collection != e.request.Collection })
	people, err := e.peopleOf(v, found)
	if err != nil {
		return piece{err: err}
	}
	return e.rowsOf(piece{looked: int64(len(ids))}, people)
}

// rowsOf makes the rows of the people that pass.
func (e *Export) rowsOf(out piece, people []person) piece {
	for i := range people {
		p := &people[i]
		pass, err := e.passes(p)
		if err != nil {
			return piece{err: err}
		}
		if pass {
			out.rows = e.appendRows(out.rows, p)
		}
	}
	return out
}

// peopleOf adds to profiles what was computed of them.
func (e *Export) peopleOf(v *space.View, found []*bulk.Profile) ([]person, error) {
	ids := make([]codec.ProfileID, len(found))
	for i, p := range found {
		ids[i] = p.ID
	}
	states, err := e.told.States(v, ids)
	if err != nil {
		return nil, err
	}
	people := make([]person, len(found))
	for i := range found {
		p := &people[i]
		p.Profile, p.state = found[i], states[i]
		e.told.Each(&p.state, func(key string, audience bool, v computed.Value) {
			if audience {
				p.audiences = append(p.audiences, key)
			} else {
				p.computed = append(p.computed, computedValue{key, v.JSON})
			}
		})
		slices.Sort(p.audiences)
	}
	return people, nil
}

// passes reports whether a profile is in the export.
func (e *Export) passes(p *person) (bool, error) {
	if e.request.Audience != "" {
		if _, in := p.state.In(e.audience); !in {
			return false, nil
		}
	}
	if e.ofProfile != nil {
		return e.ofProfile.holds(p, e.view.Now().UnixNano())
	}
	return true, nil
}

// appendRows appends the rows of a profile.
func (e *Export) appendRows(rows []row, p *person) []row {
	switch e.request.Kind {
	case Identifiers:
		id := textCell(p.ID.Text(p.Record.Collection))
		for i := range p.Identifiers {
			one := &p.Identifiers[i]
			rows = append(rows, row{cells: []cell{
				id, textCell(p.Record.Collection.String()), textCell(one.Type), textCell(one.Value), momentCell(one.Time), textCell(one.Source), textCell(one.MessageID),
			}})
		}
		return rows
	case Members:
		e.told.Each(&p.state, func(key string, audience bool, v computed.Value) {
			if audience && (e.request.Audience == "" || key == e.request.Audience) {
				rows = append(rows, row{cells: append([]cell{textCell(key), momentCell(v.Since)}, e.cells(p, 2)...)})
			}
		})
		return rows
	}
	return append(rows, row{cells: e.cells(p, 0)})
}

// cells are the cells of a profile from a column on.
func (e *Export) cells(p *person, from int) []cell {
	cells := make([]cell, len(e.columns)-from)
	for i, c := range e.columns[from:] {
		cells[i] = profileCell(p, c)
	}
	return cells
}

func profileCell(p *person, c column) cell {
	if c.form == value {
		return chosenCell(p, c.name)
	}
	switch c.name {
	case "id":
		return textCell(p.ID.Text(p.Record.Collection))
	case "collection":
		return textCell(p.Record.Collection.String())
	case "created_at":
		return momentCell(p.Record.CreatedAt)
	case "first_seen":
		return momentCell(p.FirstSeen)
	case "provisional":
		return boolCell(p.Provisional)
	case "user_id", "email":
		return textCell(p.Identifier(c.name))
	case "identifiers":
		return identifiersCell(p)
	case "traits":
		return traitsCell(p)
	case "computed_traits":
		return computedCell(p)
	case "audiences":
		return listCell(p.audiences)
	case "merged_ids":
		ids := make([]string, len(p.Merged))
		for i, m := range p.Merged {
			ids[i] = m.Text(p.Record.Collection)
		}
		return listCell(ids)
	}
	return cell{}
}

// chosenCell is the trait of a name, set or computed, or else the first identifier of
// that type.
func chosenCell(p *person, name string) cell {
	if t := p.Trait(name); t != nil {
		return rawCell(t.Value)
	}
	for i := range p.computed {
		if p.computed[i].key == name {
			return rawCell(p.computed[i].json)
		}
	}
	if id := p.Identifier(name); id != "" {
		return rawCell(appendQuoted(nil, id))
	}
	return cell{}
}

func identifiersCell(p *person) cell {
	b := []byte{'['}
	for i := range p.Identifiers {
		one := &p.Identifiers[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(append(b, `{"type":`...), one.Type)
		b = appendQuoted(append(b, `,"value":`...), one.Value)
		b = append(b, '}')
	}
	return rawCell(append(b, ']'))
}

func traitsCell(p *person) cell {
	b := []byte{'{'}
	for i := range p.Traits {
		b = appendMember(b, p.Traits[i].Name, p.Traits[i].Value)
	}
	return rawCell(append(b, '}'))
}

func computedCell(p *person) cell {
	if len(p.computed) == 0 {
		return cell{}
	}
	b := []byte{'{'}
	for i := range p.computed {
		b = appendMember(b, p.computed[i].key, p.computed[i].json)
	}
	return rawCell(append(b, '}'))
}

func appendMember(b []byte, name string, value json.RawMessage) []byte {
	if len(b) > 1 {
		b = append(b, ',')
	}
	return appendLine(append(appendQuoted(b, name), ':'), []byte(value))
}

func listCell(list []string) cell {
	if len(list) == 0 {
		return cell{}
	}
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, s)
	}
	return rawCell(append(b, ']'))
}
