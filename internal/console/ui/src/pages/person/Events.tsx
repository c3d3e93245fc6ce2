import { Button, Collapse, Group, Select, Stack, Text, UnstyledButton } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { IconCalendarOff, IconChevronRight } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { text } from '../../parts/format'
import { masked, useMask } from '../../parts/mask'
import { Card, Empty, Id, Json, Loading, Problem, When } from '../../parts/parts'
import type { Collection } from './Person'

export function Events({ space, collection, id }: { space: string; collection: Collection; id: string }) {
  const [type, setType] = useState<string | null>('')
  const [sort, setSort] = useState<string | null>('desc')
  const pages = useInfiniteQuery({
    queryKey: ['events', space, collection, id, type, sort],
    queryFn: ({ pageParam }) => ok(api.GET('/v1/spaces/{space}/collections/{collection}/profiles/{profile}/events', {
      params: { path: { space, collection, profile: id }, query: { limit: 50, sort: sort ?? 'desc', ...(type ? { type } : {}), ...(pageParam ? { next: pageParam } : {}) } },
    })),
    initialPageParam: '',
    getNextPageParam: (last) => (last.cursor.has_more ? last.cursor.next : undefined),
  })
  const events = pages.data?.pages.flatMap((p) => p.data)
  return (
    <Stack>
      <Group gap="sm">
        <Select size="sm" aria-label="Which calls" value={type} onChange={setType} w={170} allowDeselect={false}
          data={[{ value: '', label: 'All calls' }, { value: 'track', label: 'Actions (track)' }, { value: 'page,screen', label: 'Pages and screens' }, { value: 'identify', label: 'Identify' }, { value: 'group', label: 'Group' }]} />
        <Select size="sm" aria-label="In which order" value={sort} onChange={setSort} w={150} allowDeselect={false} data={[{ value: 'desc', label: 'Newest first' }, { value: 'asc', label: 'Oldest first' }]} />
      </Group>
      <Card pad={false}>
        {pages.error && !events ? <Problem error={pages.error} retry={() => pages.refetch()} /> : !events ? <Loading rows={8} /> : events.length === 0 ? (
          <Empty icon={<IconCalendarOff size={36} />} title="No such events" />
        ) : events.map((e, i) => <EventRow key={e.message_id + i} event={e} />)}
      </Card>
      {pages.hasNextPage && <Button variant="default" onClick={() => pages.fetchNextPage()} loading={pages.isFetchingNextPage}>Show more</Button>}
    </Stack>
  )
}

const verbs: Record<string, string> = { identify: 'Said who they are', group: 'Joined an account', alias: 'Changed their ID', page: 'Page viewed', screen: 'Screen viewed' }

export const eventName = (e: Pick<Schemas['PEvent'], 'type' | 'event'>) => e.event || verbs[e.type] || e.type

export function EventRow({ event: e }: { event: Schemas['PEvent'] }) {
  const [open, setOpen] = useState(false)
  const { on } = useMask()
  const app = appOf(e.context)
  const summary = summaryOf(e.properties ?? e.traits)
  return (
    <div style={{ borderBottom: '1px solid var(--line)' }}>
      <UnstyledButton onClick={() => setOpen(!open)} aria-expanded={open} className="hover" style={{ display: 'flex', gap: 12, padding: '10px 14px', width: '100%', alignItems: 'baseline', flexWrap: 'wrap' }}>
        <IconChevronRight size={15} className="muted" aria-hidden style={{ transform: open ? 'rotate(90deg)' : undefined, transition: 'transform 120ms', alignSelf: 'center' }} />
        <Text size="sm" fw={600}>{eventName(e)}</Text>
        <Text size="sm" className="muted" style={{ flex: '1 1 160px', overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>{on ? masked(summary) : summary}</Text>
        {app && <Text size="xs" className="muted">{app}</Text>}
        <Text size="sm" className="muted num" style={{ whiteSpace: 'nowrap' }}><When at={e.timestamp} /></Text>
      </UnstyledButton>
      <Collapse expanded={open}>
        <Stack gap="sm" px={16} pb={16} pt={4}>
          <div>
            <Text size="xs" className="muted" mb={4}>Identifiers that it carried</Text>
            <Group gap={6}>{e.external_ids.map((x) => <Id key={x.type + x.id} id={`${x.type}:${x.id}`} />)}</Group>
          </div>
          {open && <Json value={e} />}
        </Stack>
      </Collapse>
    </div>
  )
}

export function appOf(context: unknown): string {
  const c = context as { app?: unknown; page?: { url?: string } } | undefined
  if (typeof c?.app === 'string') return c.app
  const name = (c?.app as { name?: unknown } | undefined)?.name
  if (typeof name === 'string') return name
  try {
    return c?.page?.url ? new URL(c.page.url).host : ''
  } catch {
    return ''
  }
}

function summaryOf(v: unknown): string {
  if (!v || typeof v !== 'object') return ''
  return Object.entries(v).slice(0, 4).map(([k, x]) => `${k} ${text(x)}`.slice(0, 60)).join(' · ')
}
