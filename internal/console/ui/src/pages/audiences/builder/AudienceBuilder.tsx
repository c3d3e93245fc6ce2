import { Checkbox, Button, Group, Modal, SegmentedControl, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import type { Schemas } from '../../../api/client'
import { Problem } from '../../../parts/parts'
import { audienceOf, checkDefinitions, put } from '../document'
import { keyOf } from '../key'
import { useSeen } from '../seen'
import { Conditions } from './Conditions'
import { freshEvent, fromCEL, isWhole, toCEL, type Query } from './cel'
import { Preview } from './Preview'

const fresh: Query = { combinator: 'and', rules: [{ field: 'event:', operator: 'did', value: freshEvent }] }

export default function AudienceBuilder({ space, document, definitions, editing, onClose, onApply }: {
  space: string; document: string; definitions: Schemas['Definition'][]; editing: string | null; onClose: () => void; onApply: (text: string) => void
}) {
  const before = editing ? audienceOf(document, editing) : undefined
  const [name, setName] = useState(before?.name ?? '')
  const [query, setQuery] = useState<Query>(() => (before ? fromCEL(before.when) : null) ?? fresh)
  const [cel, setCel] = useState(before?.when ?? '')
  const [mode, setMode] = useState<'build' | 'text'>(before && !fromCEL(before.when) ? 'text' : 'build')
  const [anonymous, setAnonymous] = useState(before?.anonymous ?? true)
  const seen = useSeen(space)
  const key = editing ?? keyOf(name)
  const when = mode === 'build' ? toCEL(query) : cel.trim()
  const ready = key !== '' && (mode === 'build' ? isWhole(query) : when !== '')
  const { anonymous: _, ...rest } = before ?? { when: '' }
  const text = ready ? put(document, 'audiences', key, { ...rest, ...(name ? { name } : {}), when, ...(anonymous ? {} : { anonymous: false }) }) : ''
  const checked = useQuery({ queryKey: ['check-definitions', space, text], queryFn: () => checkDefinitions(space, text), enabled: ready, retry: false, gcTime: 0 })
  return (
    <Modal opened onClose={onClose} title={<strong>{editing ? `The audience ${before?.name || editing}` : 'A new audience'}</strong>} size={860} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <TextInput label="Name" placeholder="Left something in the cart" value={name} onChange={(e) => setName(e.currentTarget.value)} description={key && `Its key is ${key}`} data-autofocus />
        <SegmentedControl value={mode} onChange={(m) => { if (m === 'text') setCel(when); else { const q = fromCEL(cel); if (!q) return; setQuery(q) } setMode(m as typeof mode) }} data={[{ value: 'build', label: 'Conditions' }, { value: 'text', label: 'As CEL text' }]} w="fit-content" aria-label="How to say it" />
        {mode === 'text' ? (
          <>
            {cel.trim() !== '' && !fromCEL(cel) && <Text size="sm" className="muted">This text says more than the conditions can show. It is left as you write it.</Text>}
            <Textarea label="Who is in it" value={cel} onChange={(e) => setCel(e.currentTarget.value)} autosize minRows={4} spellCheck={false} placeholder={'size(traits.cart_left) > 0 && events("Order Completed").within("7d").count() == 0'} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }} />
          </>
        ) : (
          <div>
            <Text size="sm" mb={6}>People for whom this is so:</Text>
            <Conditions query={query} onChange={setQuery} seen={seen} definitions={definitions} own={editing} />
          </div>
        )}
        <Checkbox label="Anonymous people too" description="Without them: only those with a user ID, an email address or an advertising ID." checked={anonymous} onChange={(e) => setAnonymous(e.currentTarget.checked)} />
        {checked.error && <Problem error={checked.error} title="This is not right yet" />}
        {checked.data && <Preview space={space} text={text} audience={key} definitions={definitions} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>Cancel</Button><Button disabled={!ready || !checked.data} onClick={() => onApply(text)}>Go on…</Button></Group>
      </Stack>
    </Modal>
  )
}
