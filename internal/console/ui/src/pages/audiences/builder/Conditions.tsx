import { ActionIcon, Autocomplete, Button, Group, NumberInput, Select } from '@mantine/core'
import { QueryBuilderMantine } from '@react-querybuilder/mantine'
import { IconTrash } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { QueryBuilder, type ActionProps, type FieldSelectorProps, type Operator, type OptionGroup, type RuleType, type ValueEditorProps, type ValueSelectorProps } from 'react-querybuilder'
import type { Schemas } from '../../../api/client'
import type { Seen } from '../seen'
import { about, comparisons, freshEvent, type EventValue, type Query } from './cel'

const operators: Record<string, Operator[]> = {
  event: [{ name: 'did', label: 'happened' }, { name: 'not', label: 'did not happen' }],
  trait: [
    { name: '==', label: 'is' }, { name: '!=', label: 'is not' }, { name: '>=', label: 'is at least' }, { name: '>', label: 'is more than' }, { name: '<=', label: 'is at most' }, { name: '<', label: 'is less than' },
    { name: 'full', label: 'has values' }, { name: 'empty', label: 'is an empty list' },
  ],
  identifier: [{ name: 'has', label: 'is known' }, { name: 'hasNot', label: 'is not known' }],
  audience: [{ name: 'in', label: 'holds for them' }, { name: 'notIn', label: 'does not hold' }],
}
const signs: Record<string, string> = { '==': 'is', '!=': 'is not', '>=': 'at least', '>': 'more than', '<=': 'at most', '<': 'less than' }
const within = [{ value: '', label: 'ever' }, { value: '1d', label: 'in the last day' }, { value: '7d', label: 'in 7 days' }, { value: '30d', label: 'in 30 days' }, { value: '90d', label: 'in 90 days' }, { value: '365d', label: 'in a year' }]
const kinds: Record<string, string> = { event: 'Events', trait: 'Traits', identifier: 'Identifiers', audience: 'Other audiences' }

const fieldsOf = (q: Query): string[] => q.rules.flatMap((r) => ('rules' in r ? fieldsOf(r) : [r.field]))

// Conditions edits a query, of what was really seen.
export function Conditions({ query, onChange, seen, definitions, own }: { query: Query; onChange: (q: Query) => void; seen: Seen; definitions: Schemas['Definition'][]; own: string | null }) {
  const used = fieldsOf(query).join('\n')
  const fields = useMemo(() => {
    const names = (kind: string, list: string[]) => [...new Set([...list, ...used.split('\n').flatMap((f) => (about(f)[0] === kind ? [about(f)[1]] : []))])].filter(Boolean)
    const computed = definitions.filter((d) => d.kind === 'trait')
    const label = (key: string) => computed.find((d) => d.key === key)?.name || key
    const groups: OptionGroup<{ name: string; label: string }>[] = [
      { label: kinds.event!, options: names('event', seen.events).map((n) => ({ name: 'event:' + n, label: n })) },
      { label: kinds.trait!, options: names('trait', [...computed.map((d) => d.key), ...seen.traits]).map((n) => ({ name: 'trait:' + n, label: label(n) })) },
      { label: kinds.audience!, options: names('audience', definitions.filter((d) => d.kind === 'audience' && d.key !== own).map((d) => d.key)).map((n) => ({ name: 'audience:' + n, label: definitions.find((d) => d.key === n)?.name || n })) },
      { label: kinds.identifier!, options: names('identifier', ['user_id', 'email', 'anonymous_id', 'phone']).map((n) => ({ name: 'identifier:' + n, label: n })) },
    ]
    return groups.filter((g) => g.options.length > 0)
  }, [used, seen.events, seen.traits, definitions, own])
  return (
    <div className="conditions">
      <QueryBuilderMantine>
        <QueryBuilder
          query={query} onQueryChange={(q) => onChange(q as Query)} fields={fields} context={{ seen }}
          getOperators={(field) => operators[about(field)[0]] ?? operators.trait!}
          getDefaultOperator={(field) => (operators[about(field)[0]] ?? operators.trait!)[0]!.name}
          getDefaultValue={(rule: RuleType) => (about(rule.field)[0] === 'event' ? freshEvent : '')}
          combinators={[{ name: 'and', label: 'all of these' }, { name: 'or', label: 'any of these' }]}
          controlElements={elements} showNotToggle resetOnFieldChange resetOnOperatorChange={false} addRuleToNewGroups
          translations={{
            addRule: { label: 'Add a condition', title: 'Add a condition' }, addGroup: { label: 'Add a group', title: 'Add a group of conditions' }, removeRule: { label: '✕', title: 'Take the condition away' }, removeGroup: { label: '✕', title: 'Take the group away' },
            combinators: { title: 'All or any' }, operators: { title: 'Whether' }, notToggle: { label: 'not', title: 'Those for whom this is not so' }, fields: { title: 'What the condition is about' },
          }}
        />
      </QueryBuilderMantine>
    </div>
  )
}

const Add = ({ label, handleOnClick }: ActionProps) => <Button size="xs" variant="light" onClick={handleOnClick}>{label}</Button>
const Remove = ({ title, handleOnClick }: ActionProps) => <ActionIcon variant="subtle" color="red" onClick={handleOnClick} aria-label={title ?? ''} className="remove"><IconTrash size={17} /></ActionIcon>
const Choose = ({ title, options, value, handleOnChange }: ValueSelectorProps) => (
  <Select size="xs" w={150} data={(options as { name: string; label: string }[]).map((o) => ({ value: o.name, label: o.label }))} value={value ?? null} onChange={(v) => v && handleOnChange(v)} allowDeselect={false} aria-label={title ?? ''} />
)

// Field chooses what a rule is about; events and traits that were not seen can be typed.
function Field({ options, value, handleOnChange, rule }: FieldSelectorProps) {
  const [search, setSearch] = useState('')
  const data = useMemo(() => {
    const groups = (options as OptionGroup<{ name: string; label: string }>[]).map((g) => ({ group: g.label, items: g.options.map((o) => ({ value: o.name, label: o.label })) }))
    const typed = search.trim()
    const known = groups.some((g) => g.items.some((i) => i.label === typed))
    if (typed && !known) {
      const items = [{ value: 'event:' + typed, label: `Event “${typed}”` }]
      if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(typed)) items.push({ value: 'trait:' + typed, label: `Trait “${typed}”` })
      groups.push({ group: 'Not seen lately', items })
    }
    return groups
  }, [options, search])
  return (
    <Select size="xs" searchable data={data} value={value ?? null} onChange={(v) => v && handleOnChange(v)} onSearchChange={setSearch} onDropdownClose={() => setSearch('')} allowDeselect={false} limit={300}
      aria-label="What the condition is about" placeholder="An event, a trait…" style={{ flex: '1 1 190px' }} key={rule?.id} nothingFoundMessage="Nothing like it" />
  )
}

function Value({ rule, operator, value, handleOnChange, context }: ValueEditorProps) {
  const seen = (context as { seen: Seen }).seen
  const [kind, name] = about(rule.field)
  if (kind === 'event') {
    const v = { ...freshEvent, ...(typeof value === 'object' ? (value as Partial<EventValue>) : {}) }
    const set = (more: Partial<EventValue>) => handleOnChange({ ...v, ...more })
    const properties = seen.properties(name).filter((p) => /^properties\.[A-Za-z_][A-Za-z0-9_]*$/.test(p)).map((p) => p.slice('properties.'.length))
    return (
      <Group gap="xs" style={{ flex: '3 1 320px' }}>
        {operator === 'did' && <NumberInput size="xs" w={116} prefix="at least " suffix="×" min={1} value={v.atLeast} onChange={(n) => typeof n === 'number' && set({ atLeast: n })} aria-label="At least how often" />}
        <Select size="xs" w={130} value={v.within} onChange={(w) => set({ within: w ?? '' })} data={within.some((w) => w.value === v.within) ? within : [...within, { value: v.within, label: `in ${v.within}` }]} allowDeselect={false} aria-label="Within which time" />
        <Select size="xs" w={170} searchable clearable placeholder="whatever it has" value={v.property || null} onChange={(p) => set({ property: p ?? '' })} data={[...new Set([...properties, ...(v.property ? [v.property] : [])])]} aria-label="Where which property" />
        {v.property && (
          <>
            <Select size="xs" w={100} value={v.op} onChange={(o) => o && set({ op: o })} data={comparisons.map((o) => ({ value: o, label: signs[o]! }))} allowDeselect={false} aria-label="How it compares" />
            <Autocomplete size="xs" w={130} value={v.value} onChange={(x) => set({ value: x })} data={seen.values(name, v.property)} aria-label="With which value" />
          </>
        )}
      </Group>
    )
  }
  if (kind === 'trait' && operator !== 'full' && operator !== 'empty') {
    return <Autocomplete size="xs" value={String(value ?? '')} onChange={handleOnChange} data={seen.traitValues(name)} aria-label="Value" style={{ flex: '1 1 120px' }} />
  }
  return null
}

const elements = { fieldSelector: Field, valueEditor: Value, operatorSelector: Choose, combinatorSelector: Choose, addRuleAction: Add, addGroupAction: Add, removeRuleAction: Remove, removeGroupAction: Remove }
