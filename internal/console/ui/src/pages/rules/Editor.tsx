import { ActionIcon, Badge, Button, Group, NumberInput, Select, Stack, TagsInput, Text, TextInput, Tooltip } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconGripVertical } from '@tabler/icons-react'
import { useState } from 'react'
import type { Schemas } from '../../api/client'
import { typeName } from '../../parts/format'
import { Card, Id } from '../../parts/parts'
import { blockedBy } from './blocked'
import { builtin, limitOf } from './builtin'

type RulesDoc = Schemas['Rules']
type Identifier = Schemas['RuleIdentifier']

const windows = [
  { value: 'ever', label: 'ever' }, { value: 'daily', label: 'in a day' }, { value: 'weekly', label: 'in a week' },
  { value: 'monthly', label: 'in a month' }, { value: 'annually', label: 'in a year' },
]

// Editor changes the list of identifiers: those that the rules list, then the others in
// the order that they have anyway.
export function Editor({ effective, rules, newTypes, onChange }: { effective: RulesDoc; rules: RulesDoc; newTypes: string[]; onChange: (r: RulesDoc) => void }) {
  const listed = rules.identifiers ?? []
  const rest = builtin.filter((e) => !listed.some((l) => l.type === e.type && l.priority !== 'default')).map((e) => ({ ...e, ...listed.find((l) => l.type === e.type) }))
  const own = listed.filter((l) => l.priority !== 'default' || !builtin.some((e) => e.type === l.type))
  const rows: (Identifier & { own: boolean })[] = [...own.map((l) => ({ ...l, own: true })), ...rest.map((r) => ({ ...r, own: false }))]
  const standard = (type: string) => limitOf(type, rules)
  const [dragged, setDragged] = useState<number | null>(null)
  const plain = ({ own: _, ...x }: Identifier & { own: boolean }): Identifier => (x.priority === 'default' ? { ...x, priority: undefined } : x)
  // What is changed keeps its place: a type that was not listed is listed with the place
  // that it has anyway.
  const set = (i: number, change: Partial<Identifier>) => {
    const row = rows[i]!
    const there = listed.some((l) => l.type === row.type)
    onChange({ ...rules, identifiers: there ? listed.map((l) => (l.type === row.type ? { ...l, ...change } : l)) : [...listed, { type: row.type, priority: 'default', ...change }] })
  }
  const move = (from: number, to: number) => {
    if (to < 0 || to >= rows.length || from === to) return
    const next = [...rows]
    next.splice(to, 0, ...next.splice(from, 1))
    // What stands above the last one that was moved or listed has to be listed too.
    const last = next.reduce((n, r, k) => (r.own || k === to || k === from ? k : n), 0)
    const above = next.slice(0, last + 1).map(plain)
    onChange({ ...rules, identifiers: [...above, ...listed.filter((l) => l.priority === 'default' && !above.some((x) => x.type === l.type))] })
  }
  return (
    <Stack>
      {newTypes.length > 0 && (
        <Card><Text size="sm">New kinds of identifiers arrived that the rules do not list: {newTypes.map((t) => <Badge key={t} variant="light" tt="none" mx={3}>{t}</Badge>)} They are taken with the limit for all others.</Text></Card>
      )}
      <Card pad={false}>
        <table className="rows">
          <thead><tr><th><span className="skip">Order</span></th><th>Identifier, the most believed first</th><th>At most</th><th>Within</th><th>Values that identify nobody</th></tr></thead>
          <tbody>
            {rows.map((r, i) => (
              <tr key={r.type} draggable onDragStart={() => setDragged(i)} onDragOver={(e) => e.preventDefault()} onDrop={() => { if (dragged !== null) move(dragged, i); setDragged(null) }} style={{ opacity: dragged === i ? 0.4 : 1 }}>
                <td style={{ whiteSpace: 'nowrap', width: 90 }}>
                  <Group gap={0} wrap="nowrap">
                    <IconGripVertical size={16} className="muted" aria-hidden style={{ cursor: 'grab' }} />
                    <ActionIcon variant="subtle" color="ink" size="sm" onClick={() => move(i, i - 1)} disabled={i === 0} aria-label={`Believe ${r.type} more`}><IconArrowUp size={15} /></ActionIcon>
                    <ActionIcon variant="subtle" color="ink" size="sm" onClick={() => move(i, i + 1)} disabled={i === rows.length - 1} aria-label={`Believe ${r.type} less`}><IconArrowDown size={15} /></ActionIcon>
                  </Group>
                </td>
                <td><Text size="sm" fw={550}>{typeName(r.type)}</Text><Text size="xs" className="muted mono">{r.type}</Text></td>
                <td><NumberInput size="xs" w={84} min={1} max={1000000} aria-label={`How many ${r.type} one person may have`} value={r.limit ?? standard(r.type).limit} onChange={(v) => typeof v === 'number' && v >= 1 && set(i, { limit: v })} /></td>
                <td><Select size="xs" w={130} aria-label={`Within which time, ${r.type}`} data={windows} allowDeselect={false} value={r.window ?? standard(r.type).window} onChange={(v) => v && set(i, { window: v })} comboboxProps={{ width: 160 }} /></td>
                <td style={{ minWidth: 200 }}><TagsInput size="xs" aria-label={`Values of ${r.type} that identify nobody`} placeholder={r.blocked?.length ? undefined : 'add a value'} value={r.blocked ?? []} onChange={(v) => set(i, { blocked: v })} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      </Card>
      <AddType onAdd={(type) => !rows.some((r) => r.type === type) && onChange({ ...rules, identifiers: [...listed, { type, limit: 5 }] })} />
      <TestValue rules={rules} effective={effective} />
    </Stack>
  )
}

function AddType({ onAdd }: { onAdd: (type: string) => void }) {
  const [type, setType] = useState('')
  return (
    <form onSubmit={(e) => { e.preventDefault(); if (type.trim()) onAdd(type.trim().toLowerCase()); setType('') }}>
      <Group gap="sm" align="flex-end">
        <TextInput label="An identifier of your own" placeholder="loyalty_card" value={type} onChange={(e) => setType(e.currentTarget.value)} w={240} />
        <Button type="submit" variant="light" disabled={!type.trim()}>Add</Button>
      </Group>
    </form>
  )
}

function TestValue({ rules, effective }: { rules: RulesDoc; effective: RulesDoc }) {
  const [type, setType] = useState<string | null>('email')
  const [value, setValue] = useState('')
  const types = [...new Set([...(rules.identifiers ?? []), ...builtin].map((i) => i.type))]
  const by = value ? blockedBy({ ...rules, defaults: rules.defaults ?? effective.defaults }, type ?? '', value) : null
  return (
    <Card title="Test a value">
      <Group gap="sm" align="flex-end">
        <Select label="Identifier" data={types} value={type} onChange={setType} allowDeselect={false} searchable w={200} />
        <TextInput label="Value" value={value} onChange={(e) => setValue(e.currentTarget.value)} placeholder="noreply@example.com" style={{ flex: '1 1 220px' }} />
      </Group>
      {value && (
        <Text size="sm" mt="sm" role="status">
          <Id id={`${type}:${value}`} /> {by ? <>identifies <strong>nobody</strong>: {by}.</> : <>is taken as naming somebody.</>}
        </Text>
      )}
      <Tooltip label="A value is compared whole and exactly as written"><Text size="xs" className="muted" mt={6} w="fit-content">Blocked values stay in the events; they only tie nobody together.</Text></Tooltip>
    </Card>
  )
}
