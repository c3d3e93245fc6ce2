import { Badge, Button, Group, SegmentedControl, Stack, Text } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { IconCircleCheck } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { count } from '../../parts/format'
import { Card, Empty, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'

const titles: Record<Schemas['Warning']['kind'], string> = {
  many_people: 'One value ties many people together',
  merge_rate: 'Unusually many merges',
  looks_blocked: 'A placeholder is taken for an identifier',
  new_type: 'A new kind of identifier',
  unread_timestamps: 'Times that cannot be read',
  unknown_write_keys: 'Unknown write keys',
  events_lost: 'Stored events are missing',
}

// what can be done, where the server speaks of its commands.
const advice: Partial<Record<Schemas['Warning']['kind'], string>> = {
  many_people: 'If it names nobody, block it; see first what that would change. If it is one person’s after all, dismiss this.',
  looks_blocked: 'If it names nobody, block it; see first what that would change. If somebody really has this value, dismiss this.',
  new_type: 'It is taken with the limit for all types that are not listed. List it under Rules to say how many of them one person may have.',
  unknown_write_keys: 'The page Sources lists who sent them. Give these apps a key of a source. Dismissing this empties the list.',
  unread_timestamps: 'Have the app send ISO 8601, such as 2026-03-01T10:00:00Z. The page Refused messages has examples.',
}

export function Warnings() {
  const space = useSpace()
  const [state, setState] = useState<'open' | 'dismissed' | 'resolved'>('open')
  const list = useQuery({
    queryKey: ['warnings', space, state],
    queryFn: () => ok(api.GET('/api/spaces/{space}/warnings', { params: { path: { space }, query: { state, limit: 100 } } })),
    refetchInterval: 15_000,
  })
  return (
    <>
      <PageTitle title="Warnings" text="What looks wrong, found by watching what arrives.">
        <SegmentedControl value={state} onChange={(v) => setState(v as typeof state)} data={[{ value: 'open', label: 'Open' }, { value: 'resolved', label: 'Resolved' }, { value: 'dismissed', label: 'Dismissed' }]} aria-label="Which warnings" />
      </PageTitle>
      {list.error && !list.data ? <Problem error={list.error} retry={() => list.refetch()} /> : !list.data ? <Card><Loading /></Card> : list.data.data.length === 0 ? (
        <Card><Empty icon={<IconCircleCheck size={40} color="#14917e" />} title={state === 'open' ? 'Nothing looks wrong' : 'None of these'} /></Card>
      ) : <Stack gap="sm">{list.data.data.map((w) => <One key={w.id} space={space} warning={w} />)}</Stack>}
    </>
  )
}

function One({ space, warning: w }: { space: string; warning: Schemas['Warning'] }) {
  const queries = useQueryClient()
  const dismiss = useMutation({
    mutationFn: () => ok(api.POST('/api/spaces/{space}/warnings/{warning}/dismiss', { params: { path: { space, warning: w.id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['warnings', space] }),
  })
  return (
    <Card>
      <Group justify="space-between" align="flex-start" wrap="wrap">
        <Stack gap={6} style={{ flex: '1 1 340px' }}>
          <Group gap="sm"><Text fw={600}>{titles[w.kind]}</Text>{w.count > 1 && <Badge variant="light" color="gray" tt="none">{count(w.count)} times</Badge>}</Group>
          <Text size="sm">{w.says}</Text>
          <Text size="sm" className="muted">{advice[w.kind] ?? w.do}</Text>
          <Text size="xs" className="muted">first <When at={w.first} />, last <When at={w.last} />{w.dismissed && <> · dismissed by {w.dismissed.for || w.dismissed.by}</>}</Text>
          {dismiss.error && <Problem error={dismiss.error} />}
        </Stack>
        {w.state === 'open' && (
          <Group gap="xs">
            {w.rules && <Button size="xs" component={Link} {...({ to: '/spaces/$space/rules', params: { space }, search: { draft: w.id } } as object)}>See what that would change</Button>}
            <Button size="xs" variant="default" onClick={() => dismiss.mutate()} loading={dismiss.isPending}>Dismiss</Button>
          </Group>
        )}
      </Group>
    </Card>
  )
}
