import { ActionIcon, Alert, Autocomplete, Button, Checkbox, Group, Modal, NumberInput, SegmentedControl, Select, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import type { Schemas } from '../../api/client'
import { Problem } from '../../parts/parts'
import { fromCEL, toCEL, type Condition, type Group as Conditions, type Op } from './cel'
import { audienceOf, checkDefinitions, put } from './document'
import { keyOf } from './key'
import { useSeen, type Seen } from './seen'

const fresh: Condition = { kind: 'event', did: true, event: '', within: '30d', atLeast: 1 }

export function AudienceBuilder({ space, document, definitions, editing, onClose, onApply }: {
  space: string; document: string; definitions: Schemas['Definition'][]; editing: string | null; onClose: () => void; onApply: (text: string) => void
}) {
  const before = editing ? audienceOf(document, editing) : undefined
  const [name, setName] = useState(before?.name ?? '')
  const [group, setGroup] = useState<Conditions>(() => (before ? fromCEL(before.when) : null) ?? { all: true, conditions: [fresh] })
  const [cel, setCel] = useState(before?.when ?? '')
  const [mode, setMode] = useState<'build' | 'text'>(before && !fromCEL(before.when) ? 'text' : 'build')
  const [anonymous, setAnonymous] = useState(before?.anonymous ?? true)
  const seen = useSeen(space)
  const key = editing ?? keyOf(name)
  const when = mode === 'build' ? toCEL(group) : cel.trim()
  const whole = group.conditions.every((c) => (c.kind === 'event' ? c.event : c.kind === 'trait' || c.kind === 'list' ? c.trait : c.kind === 'audience' ? c.key : c.type))
  const ready = key !== '' && (mode === 'build' ? group.conditions.length > 0 && whole : when !== '')
  const { anonymous: _, ...rest } = before ?? { when: '' }
  const text = ready ? put(document, 'audiences', key, { ...rest, ...(name ? { name } : {}), when, ...(anonymous ? {} : { anonymous: false }) }) : ''
  const checked = useQuery({ queryKey: ['check-definitions', space, text], queryFn: () => checkDefinitions(space, text), enabled: ready, retry: false, gcTime: 0 })
  const set = (i: number, c: Condition) => setGroup({ ...group, conditions: group.conditions.map((x, k) => (k === i ? c : x)) })
  return (
    <Modal opened onClose={onClose} title={<strong>{editing ? `The audience ${before?.name || editing}` : 'A new audience'}</strong>} size={860} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <TextInput label="Name" placeholder="Left something in the cart" value={name} onChange={(e) => setName(e.currentTarget.value)} description={key && `Its key is ${key}`} data-autofocus />
        <SegmentedControl value={mode} onChange={(m) => { if (m === 'text') setCel(when); else { const g = fromCEL(cel); if (g) setGroup(g) } setMode(m as typeof mode) }} data={[{ value: 'build', label: 'Conditions' }, { value: 'text', label: 'As CEL text' }]} w="fit-content" aria-label="How to say it" />
        {mode === 'text' ? (
          <>
            {before && !fromCEL(cel) && <Text size="sm" className="muted">This text says more than the conditions can show. It is left as it is.</Text>}
            <Textarea label="Who is in it" value={cel} onChange={(e) => setCel(e.currentTarget.value)} autosize minRows={4} spellCheck={false} placeholder={'size(traits.cart_left) > 0 && events("Order Completed").within("7d").count() == 0'} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }} />
          </>
        ) : (
          <Stack gap="sm">
            <Group gap="xs"><Text size="sm">People for whom</Text>
              <Select size="xs" w={90} value={group.all ? 'all' : 'any'} onChange={(v) => setGroup({ ...group, all: v === 'all' })} data={['all', 'any']} allowDeselect={false} aria-label="All or any" />
              <Text size="sm">of these {group.all ? 'are' : 'is'} true:</Text></Group>
            {group.conditions.map((c, i) => (
              <Group key={i} gap="xs" wrap="nowrap" align="flex-start" className="card" p="sm">
                <div style={{ flex: 1 }}><One condition={c} onChange={(x) => set(i, x)} seen={seen} definitions={definitions} own={editing} /></div>
                <ActionIcon variant="subtle" color="red" onClick={() => setGroup({ ...group, conditions: group.conditions.filter((_, k) => k !== i) })} aria-label="Take the condition away"><IconTrash size={17} /></ActionIcon>
              </Group>
            ))}
            <Button variant="light" size="xs" leftSection={<IconPlus size={15} />} onClick={() => setGroup({ ...group, conditions: [...group.conditions, fresh] })} w="fit-content">Add a condition</Button>
          </Stack>
        )}
        <Checkbox label="Anonymous people too" description="Without them: only those with a user ID, an email address or an advertising ID." checked={anonymous} onChange={(e) => setAnonymous(e.currentTarget.checked)} />
        {checked.error && <Problem error={checked.error} title="This is not right yet" />}
        {checked.data && <Alert variant="light" color="teal" role="status">It can be computed. Its size is known a moment after it was applied.</Alert>}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>Cancel</Button><Button disabled={!ready || !checked.data} onClick={() => onApply(text)}>Go on…</Button></Group>
      </Stack>
    </Modal>
  )
}

const kinds = [{ value: 'event', label: 'Event' }, { value: 'trait', label: 'Trait' }, { value: 'list', label: 'List of values' }, { value: 'identifier', label: 'Identifier' }, { value: 'audience', label: 'Other audience' }]
const ops: { value: Op; label: string }[] = [{ value: '==', label: 'is' }, { value: '!=', label: 'is not' }, { value: '>=', label: 'is at least' }, { value: '>', label: 'is more than' }, { value: '<=', label: 'is at most' }, { value: '<', label: 'is less than' }]

function One({ condition: c, onChange, seen, definitions, own }: { condition: Condition; onChange: (c: Condition) => void; seen: Seen; definitions: Schemas['Definition'][]; own: string | null }) {
  const traits = definitions.filter((d) => d.kind === 'trait').map((d) => d.key)
  const kind = (v: string | null) => {
    switch (v) {
      case 'trait': return onChange({ kind: 'trait', trait: traits[0] ?? '', op: '>=', value: '1' })
      case 'list': return onChange({ kind: 'list', trait: traits[0] ?? '', empty: false })
      case 'identifier': return onChange({ kind: 'identifier', type: 'email', has: true })
      case 'audience': return onChange({ kind: 'audience', key: '', member: true })
      default: return onChange(fresh)
    }
  }
  const picker = <Select size="xs" w={140} data={kinds} value={c.kind} onChange={kind} allowDeselect={false} aria-label="What the condition is about" />
  const pick = (options: [string, string], value: boolean, set: (v: boolean) => void) => <Select size="xs" w={128} data={[{ value: 'y', label: options[0] }, { value: 'n', label: options[1] }]} value={value ? 'y' : 'n'} onChange={(v) => set(v === 'y')} allowDeselect={false} aria-label="Whether" />
  switch (c.kind) {
    case 'event': return (
      <Group gap="xs">{picker}{pick(['happened', 'did not happen'], c.did, (did) => onChange({ ...c, did }))}
        <Autocomplete size="xs" placeholder="Order Completed" data={seen.events} value={c.event} onChange={(event) => onChange({ ...c, event })} aria-label="Event" style={{ flex: '1 1 160px' }} />
        {c.did && <NumberInput size="xs" w={120} prefix="at least " suffix="×" min={1} value={c.atLeast} onChange={(n) => typeof n === 'number' && onChange({ ...c, atLeast: n })} aria-label="At least how often" />}
        <Select size="xs" w={140} value={c.within} onChange={(v) => onChange({ ...c, within: v ?? '' })} data={[{ value: '', label: 'ever' }, { value: '1d', label: 'in the last day' }, { value: '7d', label: 'in 7 days' }, { value: '30d', label: 'in 30 days' }, { value: '90d', label: 'in 90 days' }, { value: '365d', label: 'in a year' }, ...(['', '1d', '7d', '30d', '90d', '365d'].includes(c.within) ? [] : [{ value: c.within, label: `in ${c.within}` }])]} allowDeselect={false} aria-label="Within which time" />
      </Group>
    )
    case 'trait': return (
      <Group gap="xs">{picker}
        <Autocomplete size="xs" placeholder="plan" data={traits} value={c.trait} onChange={(trait) => onChange({ ...c, trait })} aria-label="Trait" style={{ flex: '1 1 140px' }} />
        <Select size="xs" w={128} data={ops} value={c.op} onChange={(op) => op && onChange({ ...c, op: op as Op })} allowDeselect={false} aria-label="Comparison" />
        <TextInput size="xs" value={c.value} onChange={(e) => onChange({ ...c, value: e.currentTarget.value })} aria-label="Value" style={{ flex: '1 1 100px' }} />
      </Group>
    )
    case 'list': return (
      <Group gap="xs">{picker}<Autocomplete size="xs" placeholder="cart_left" data={traits} value={c.trait} onChange={(trait) => onChange({ ...c, trait })} aria-label="Trait" style={{ flex: '1 1 140px' }} />{pick(['has values', 'is empty'], !c.empty, (v) => onChange({ ...c, empty: !v }))}</Group>
    )
    case 'identifier': return <Group gap="xs">{picker}{pick(['is known', 'is not known'], c.has, (has) => onChange({ ...c, has }))}<Autocomplete size="xs" data={['user_id', 'email', 'anonymous_id', 'phone']} value={c.type} onChange={(type) => onChange({ ...c, type })} aria-label="Kind of identifier" style={{ flex: '1 1 140px' }} /></Group>
    case 'audience': return <Group gap="xs">{picker}{pick(['is in', 'is not in'], c.member, (member) => onChange({ ...c, member }))}<Select size="xs" data={definitions.filter((d) => d.kind === 'audience' && d.key !== own).map((d) => d.key)} value={c.key || null} onChange={(k) => onChange({ ...c, key: k ?? '' })} aria-label="Audience" style={{ flex: '1 1 140px' }} /></Group>
  }
}
