import { Alert, Button, Group, Modal, SimpleGrid, Stack, Text, Textarea } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconArrowRight, IconCircleCheck } from '@tabler/icons-react'
import { useState, type ReactNode } from 'react'
import type { Schemas } from '../../api/client'
import { some } from '../../parts/format'
import { Personal } from '../../parts/mask'
import { Id, Loading, Problem } from '../../parts/parts'
import { nameOf } from '../person/name'
import { decide, type Change } from './decision'

// DecisionDialog shows what a decision would change, side by side, asks why, and makes it.
export function DecisionDialog({ space, change, title, children, onClose }: { space: string; change: Change; title: string; children?: ReactNode; onClose: () => void }) {
  const [why, setWhy] = useState('')
  const queries = useQueryClient()
  const preview = useQuery({
    queryKey: ['preview', space, JSON.stringify(change)],
    queryFn: () => decide(space, change, true, '', ''),
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
  })
  const made = useMutation({
    mutationFn: () => decide(space, change, false, why.trim(), preview.data?.etag ?? ''),
    onSuccess: () => queries.invalidateQueries({ predicate: (q) => !['session', 'preview'].includes(q.queryKey[0] as string) }),
  })
  const back = useMutation({
    mutationFn: () => decide(space, { takeBack: made.data!.change.override }, false, 'taken back at once', ''),
    onSuccess: async () => {
      await queries.invalidateQueries({ predicate: (q) => !['session', 'preview'].includes(q.queryKey[0] as string) })
      onClose()
    },
  })
  return (
    <Modal opened onClose={onClose} title={<strong>{title}</strong>} size="xl" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      {made.data ? (
        <Stack>
          <Group gap="sm" wrap="nowrap"><IconCircleCheck size={26} color="#14917e" aria-hidden /><Text role="status">
            {'make' in change ? 'Done. It holds from now on, whatever comes.' : 'Taken back.'}
            {made.data.change.applying && ' What was there follows in the background.'}
          </Text></Group>
          {back.error && <Problem error={back.error} />}
          <Group justify="flex-end">
            {'make' in change && <Button variant="default" onClick={() => back.mutate()} loading={back.isPending}>Take it back</Button>}
            <Button onClick={onClose}>Close</Button>
          </Group>
        </Stack>
      ) : (
        <Stack>
          {children}
          {preview.error ? <Problem error={preview.error} title="This cannot be done" retry={() => preview.refetch()} /> : !preview.data ? <Loading rows={5} /> : <Preview change={preview.data.change} />}
          {preview.data && (
            <>
              <Textarea label="Why?" description="For those who come after you. It stands in the audit trail." value={why} onChange={(e) => setWhy(e.currentTarget.value)} autosize minRows={2} maxLength={500} />
              {made.error && <Problem error={made.error} retry={() => preview.refetch().then(() => made.reset())} />}
              <Group justify="flex-end">
                <Button variant="default" onClick={onClose}>Cancel</Button>
                <Button onClick={() => made.mutate()} loading={made.isPending}>{'make' in change ? 'Decide so' : 'Take it back'}</Button>
              </Group>
            </>
          )}
        </Stack>
      )}
    </Modal>
  )
}

function Preview({ change: c }: { change: Schemas['Regrouping'] }) {
  if (c.unforeseen) return <Alert color="orange" variant="light">More hangs together here than can be shown beforehand. The change can be made all the same, and taken back.</Alert>
  if (c.before.length === 0 && c.after.length === 0) return <Alert color="gray" variant="light">No profile changes now. It will hold for what comes.</Alert>
  return (
    <Stack gap="sm">
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="lg">
        <Side title="Now" list={c.before} />
        <Side title="Then" list={c.after} arrow />
      </SimpleGrid>
      {c.unowned.length > 0 && <div><Text size="sm" className="muted" mb={4}>Belong to nobody from then on:</Text><Group gap={6}>{c.unowned.map((id) => <Id key={id} id={id} />)}</Group></div>}
      {c.unresolved_events > 0 && <Text size="sm" className="muted">{some(c.unresolved_events, 'event')} will belong to nobody.</Text>}
    </Stack>
  )
}

function Side({ title, list, arrow }: { title: string; list: Schemas['Brief'][]; arrow?: boolean }) {
  return (
    <div>
      <Group gap={6} mb={8}>{arrow && <IconArrowRight size={16} aria-hidden />}<Text size="sm" fw={600}>{title}: {some(list.length, 'profile')}</Text></Group>
      <Stack gap="sm">
        {list.map((b, i) => (
          <div key={b.id || i} className="card" style={{ padding: 14 }}>
            <Group justify="space-between" mb={8}>
              <Text fw={600} size="sm"><Personal>{nameOf({ traits: b.traits, identifiers: b.identifiers, collection: 'users' })}</Personal></Text>
              <Text size="xs" className="muted">{b.id ? some(b.events, 'event') : `new, ${some(b.events, 'event')}`}</Text>
            </Group>
            <Group gap={6}>
              {b.identifiers.slice(0, 12).map((x) => <Id key={x.type + x.value} id={`${x.type}:${x.value}`} />)}
              {b.identifier_count > 12 && <Text size="xs" className="muted">and {b.identifier_count - 12} more</Text>}
            </Group>
          </div>
        ))}
      </Stack>
    </div>
  )
}
