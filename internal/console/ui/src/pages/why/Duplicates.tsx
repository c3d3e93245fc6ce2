import { Button, Group, SegmentedControl, SimpleGrid, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { IconUsers } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { split, text } from '../../parts/format'
import { Personal } from '../../parts/mask'
import { Card, Empty, Id, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'
import { nameOf } from '../person/name'
import { DecisionDialog } from './DecisionDialog'

const kinds: Record<string, string> = { email: 'the same email address', phone: 'the same phone number', name_postcode: 'the same name and postcode' }

export function Duplicates() {
  const space = useSpace()
  const [joining, setJoining] = useState<string[] | null>(null)
  const [state, setState] = useState<'open' | 'dismissed'>('open')
  const list = useQuery({
    queryKey: ['duplicates', space, state],
    queryFn: () => ok(api.GET('/api/spaces/{space}/duplicates', { params: { path: { space }, query: { limit: 50, state } } })),
    refetchInterval: 20_000,
  })
  return (
    <>
      <PageTitle title="Possible duplicates" text="Profiles that look like one person. Nothing is joined by itself: you decide, see what changes, and can take it back.">
        <SegmentedControl value={state} onChange={(v) => setState(v as typeof state)} data={[{ value: 'open', label: 'To decide' }, { value: 'dismissed', label: 'Dismissed' }]} aria-label="Which" />
      </PageTitle>
      {list.error && !list.data ? <Problem error={list.error} retry={() => list.refetch()} /> : !list.data ? <Card><Loading /></Card> : list.data.data.length === 0 ? state === 'dismissed' ? <Card><Empty icon={<IconUsers size={40} />} title="Nothing was dismissed" /></Card> : (
        <Card><Empty icon={<IconUsers size={40} />} title="Nobody looks like somebody else">Profiles with the same phone number, email address, or name and postcode would be listed here.</Empty></Card>
      ) : <Stack gap="sm">{list.data.data.map((d) => <One key={d.id} space={space} duplicate={d} onJoin={setJoining} />)}</Stack>}
      {joining && <DecisionDialog space={space} title="They are the same person" change={{ make: { kind: 'same', ids: joining, collection: 'users' } }} onClose={() => { setJoining(null); list.refetch() }} />}
    </>
  )
}

function One({ space, duplicate: d, onJoin }: { space: string; duplicate: Schemas['Duplicate']; onJoin: (ids: string[]) => void }) {
  const queries = useQueryClient()
  const dismiss = useMutation({
    mutationFn: () => ok(api.POST('/api/spaces/{space}/duplicates/{duplicate}/dismiss', { params: { path: { space, duplicate: d.id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['duplicates', space] }),
  })
  const restore = useMutation({
    mutationFn: () => ok(api.POST('/api/spaces/{space}/duplicates/{duplicate}/restore', { params: { path: { space, duplicate: d.id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['duplicates', space] }),
  })
  return (
    <Card>
      <Group justify="space-between" mb="sm">
        <Text size="sm">They have {kinds[d.kind] ?? d.kind}: <strong><Personal>{d.value}</Personal></strong> <span className="muted">found <When at={d.since} /></span></Text>
        <Group gap="xs">
          {d.dismissed && <Text size="sm" className="muted">said to be different by {d.dismissed.for || d.dismissed.by}, <When at={d.dismissed.at} /></Text>}
          {d.same[0] && <Button size="xs" onClick={() => onJoin(d.same[0]!)}>The same person…</Button>}
          {d.dismissed
            ? <Button size="xs" variant="default" onClick={() => restore.mutate()} loading={restore.isPending}>Take it back</Button>
            : <Button size="xs" variant="default" onClick={() => dismiss.mutate()} loading={dismiss.isPending}>Different people</Button>}
        </Group>
      </Group>
      {(dismiss.error ?? restore.error) && <Problem error={dismiss.error ?? restore.error} />}
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {d.profiles.map((p) => (
          <div key={p.id} className="card" style={{ padding: 14 }}>
            <Link className="link" style={{ fontWeight: 600, fontSize: 14 }} to="/spaces/$space/$collection/$id" params={{ space, collection: 'users', id: p.id }}>
              <Personal>{nameOf({ collection: 'users', traits: p.traits, identifiers: p.identifiers.map((i) => { const [type, value] = split(i); return { type, value } }) })}</Personal>
            </Link>
            <Group gap={6} mt={8}>{p.identifiers.slice(0, 8).map((i) => <Id key={i} id={i} />)}</Group>
            {p.traits.map((t) => <Text key={t.name} size="sm" className="muted" mt={4}>{t.name}: <Personal>{text(t.value)}</Personal></Text>)}
          </div>
        ))}
      </SimpleGrid>
    </Card>
  )
}
