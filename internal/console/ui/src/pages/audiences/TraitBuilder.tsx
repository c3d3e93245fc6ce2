import { Autocomplete, Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Code, Problem } from '../../parts/parts'
import { checkDefinitions, put, traitOf, type TraitBody } from './document'
import { keyOf } from './key'
import { useSeen } from './seen'

const kinds = [
  { value: 'count', label: 'How often something happened' }, { value: 'sum', label: 'The sum of a property' }, { value: 'average', label: 'The average of a property' },
  { value: 'minimum', label: 'The least value' }, { value: 'maximum', label: 'The greatest value' }, { value: 'first', label: 'The first value' }, { value: 'last', label: 'The last value' },
  { value: 'most_frequent', label: 'The most frequent value' }, { value: 'unique_list', label: 'All different values' }, { value: 'unique_count', label: 'How many different values' },
  { value: 'unmatched', label: 'Values without a counterpart (carts left)' },
]
const members = ['name', 'kind', 'event', 'property', 'window', 'where', 'without', 'match', 'description']

// TraitBuilder makes the usual computed traits. What it cannot show is edited as text.
export function TraitBuilder({ space, document, editing, onClose, onApply }: { space: string; document: string; editing: string | null; onClose: () => void; onApply: (text: string) => void }) {
  const before = editing ? traitOf(document, editing) : undefined
  const beyond = before && (!kinds.some((k) => k.value === before.kind) || Object.keys(before).some((k) => !members.includes(k)) || Array.isArray(before.event) || typeof before.window === 'object')
  const other = (before?.without ?? {}) as { event?: string; property?: string }
  const [name, setName] = useState(before?.name ?? '')
  const [kind, setKind] = useState(before?.kind ?? 'count')
  const [event, setEvent] = useState(typeof before?.event === 'string' ? before.event : '')
  const [property, setProperty] = useState(before?.property ?? '')
  const [window, setWindow] = useState(typeof before?.window === 'string' ? before.window : '')
  const [where, setWhere] = useState(before?.where ?? '')
  const [without, setWithout] = useState(other.event ?? '')
  const [withoutProperty, setWithoutProperty] = useState(other.property ?? '')
  const [match, setMatch] = useState((before?.match as string | undefined) ?? 'later')
  const seen = useSeen(space)
  const key = editing ?? keyOf(name)
  const unmatched = kind === 'unmatched'
  const ready = key !== '' && event !== '' && (kind === 'count' || property !== '') && (!unmatched || without !== '')
  const body: TraitBody = {
    ...(before?.description ? { description: before.description } : {}), ...(name ? { name } : {}), kind, event, ...(kind === 'count' ? {} : { property }), ...(window ? { window } : {}), ...(where.trim() ? { where: where.trim() } : {}),
    ...(unmatched ? { without: { event: without, property: withoutProperty || property }, match } : {}),
  }
  const text = ready && !beyond ? put(document, 'traits', key, body) : ''
  const checked = useQuery({ queryKey: ['check-definitions', space, text], queryFn: () => checkDefinitions(space, text), enabled: text !== '', retry: false, gcTime: 0 })
  return (
    <Modal opened onClose={onClose} title={<strong>{editing ? `The trait ${before?.name || editing}` : 'A new computed trait'}</strong>} size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      {beyond ? (
        <Stack><Text size="sm">This trait says more than can be shown here. Change it under “As text”.</Text><Code wrap>{JSON.stringify(before, null, 2)}</Code><Group justify="flex-end"><Button onClick={onClose}>Close</Button></Group></Stack>
      ) : (
        <Stack>
          <TextInput label="Name" placeholder="Orders" value={name} onChange={(e) => setName(e.currentTarget.value)} description={key && `Its key is ${key}`} data-autofocus />
          <Select label="What it is" data={kinds} value={kind} onChange={(v) => v && setKind(v)} allowDeselect={false} />
          <Autocomplete label="Of which event" description="Those that arrived lately are proposed. * stands for anything." data={seen.events} value={event} onChange={setEvent} placeholder="Order Completed" />
          {kind !== 'count' && <Autocomplete label="Of which property" data={seen.properties(event)} value={property} onChange={setProperty} placeholder="properties.revenue" />}
          {unmatched && (
            <>
              <Autocomplete label="Until which event has the same value" data={seen.events} value={without} onChange={setWithout} placeholder="Order Completed" />
              <Autocomplete label="In which of its properties" data={seen.properties(without)} value={withoutProperty} onChange={setWithoutProperty} placeholder={property} />
              <Select label="That event counts" data={[{ value: 'later', label: 'when it comes later' }, { value: 'ever', label: 'whenever it came' }]} value={match} onChange={(v) => v && setMatch(v)} allowDeselect={false} />
            </>
          )}
          <Select label="Within" value={window} onChange={(v) => setWindow(v ?? '')} data={[{ value: '', label: 'all time' }, { value: '7d', label: 'the last 7 days' }, { value: '30d', label: 'the last 30 days' }, { value: '90d', label: 'the last 90 days' }, { value: '365d', label: 'the last year' }, ...(['', '7d', '30d', '90d', '365d'].includes(window) ? [] : [{ value: window, label: window }])]} allowDeselect={false} />
          <TextInput label="Only where" description="A condition in CEL, if you need one" placeholder="properties.price > 50" value={where} onChange={(e) => setWhere(e.currentTarget.value)} />
          {checked.error && <Problem error={checked.error} title="This is not right yet" />}
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>Cancel</Button><Button disabled={!checked.data} onClick={() => onApply(text)}>Go on…</Button></Group>
        </Stack>
      )}
    </Modal>
  )
}
