import { Badge, Button, Collapse, Group, Select, Stack, Text, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { IconBroadcast, IconChevronRight, IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { count } from '../../parts/format'
import { Card, Empty, Id, Json, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'
import { appOf, eventName } from '../person/Events'
import { Mend } from './Refused'

type Stored = Schemas['RecentEvent']
type Row = { key: string; at: string; event: Stored } | { key: string; at: string; refused: Schemas['Reject'] }

const most = 200

// Live shows events as they arrive, how each was resolved, and what was refused.
export function Live() {
  const space = useSpace()
  const [on, setOn] = useState(true)
  const [source, setSource] = useState<string | null>(null)
  const [mending, setMending] = useState<string | null>(null)
  const since = useRef<string | null>(null)
  const [rows, setRows] = useState<Row[]>([])
  useEffect(() => { since.current = null; setRows([]) }, [space])
  const poll = useQuery({
    queryKey: ['live', space],
    queryFn: async () => {
      const [events, refused] = await Promise.all([
        ok(api.GET('/api/spaces/{space}/events/recent', { params: { path: { space }, query: { limit: since.current ? most : 30, ...(since.current ? { since: since.current } : {}) } } })),
        ok(api.GET('/api/spaces/{space}/rejects', { params: { path: { space }, query: { limit: 20 } } })),
      ])
      return { events: events.data, refused: refused.data }
    },
    enabled: on,
    refetchInterval: on ? 1000 : false,
    gcTime: 0,
  })
  useEffect(() => {
    if (!poll.data) return
    if (poll.data.events[0]?.stored_at) since.current = poll.data.events[0].stored_at
    setRows((old) => {
      const known = new Set(old.map((r) => r.key))
      const fresh: Row[] = [
        ...poll.data.events.map((e) => ({ key: e.id, at: e.stored_at!, event: e })),
        ...poll.data.refused.map((r) => ({ key: `${r.id} ${r.count}`, at: r.last_at ?? r.received_at!, refused: r })),
      ].filter((r) => !known.has(r.key))
      return fresh.length ? [...fresh, ...old].sort((a, b) => (a.at < b.at ? 1 : -1)).slice(0, most) : old
    })
  }, [poll.data])
  const sources = useMemo(() => [...new Set(rows.map((r) => ('event' in r ? r.event.source : r.refused.source)))], [rows])
  const shown = source ? rows.filter((r) => ('event' in r ? r.event.source : r.refused.source) === source) : rows
  return (
    <>
      <PageTitle title="Live events" text="What arrives, a second after it was sent: who it belongs to, and what it changed.">
        <Select aria-label="Source" placeholder="Every source" data={sources} value={source} onChange={setSource} clearable w={180} />
        <Button variant="default" onClick={() => setOn(!on)} leftSection={on ? <IconPlayerPause size={16} /> : <IconPlayerPlay size={16} />}>{on ? 'Pause' : 'Go on'}</Button>
      </PageTitle>
      <Stack>
        {poll.error && <Problem error={poll.error} retry={() => poll.refetch()} />}
        <Card pad={false}>
          {shown.length === 0 ? (
            <Empty icon={<IconBroadcast size={40} />} title={poll.isPending ? 'Listening…' : 'Nothing yet'}>Send an event, and it appears here.</Empty>
          ) : (
            <div role="log" aria-label="Events as they arrive">
              {shown.map((r) => ('event' in r ? <Event key={r.key} space={space} event={r.event} /> : (
                <UnstyledButton key={r.key} className="hover" onClick={() => setMending(r.refused.id)} style={{ display: 'flex', gap: 12, padding: '10px 14px', width: '100%', borderBottom: '1px solid var(--line)', borderLeft: '4px solid #d6455d', flexWrap: 'wrap', alignItems: 'baseline' }}>
                  <Badge color="red" variant="light" tt="none">refused</Badge>
                  <Text size="sm" style={{ flex: '1 1 240px' }}>{r.refused.message}{r.refused.count > 1 && <span className="muted"> ({count(r.refused.count)} times)</span>}</Text>
                  <Text size="sm" fw={600}>Mend and send again</Text>
                  <Text size="sm" className="muted num"><When at={r.at} exact /></Text>
                </UnstyledButton>
              )))}
            </div>
          )}
        </Card>
        <Text size="xs" className="muted">The last {most} are shown. Under heavy load some are left out here; none is lost.</Text>
      </Stack>
      {mending && <Mend space={space} id={mending} onClose={() => setMending(null)} onSent={() => poll.refetch()} />}
    </>
  )
}

const did: Record<string, [text: string, color: string]> = {
  profile_created: ['new profile', 'teal'],
  merged: ['two became one', 'iris'],
  unmerged: ['taken apart', 'pink'],
  id_added: ['new identifier', 'blue'],
  demoted: ['identifier left out', 'orange'],
  unresolved: ['nobody’s', 'red'],
  trait_set: ['trait', 'gray'],
}

function Event({ space, event: e }: { space: string; event: Stored }) {
  const [open, setOpen] = useState(false)
  const body = e.body as { context?: unknown } | null
  const app = appOf(body?.context)
  const marks = [...new Set(e.changes.map((c) => c.kind))].filter((k) => did[k] && k !== 'trait_set' && k !== 'id_added')
  return (
    <div style={{ borderBottom: '1px solid var(--line)' }}>
      <UnstyledButton onClick={() => setOpen(!open)} aria-expanded={open} className="hover" style={{ display: 'flex', gap: 12, padding: '10px 14px', width: '100%', alignItems: 'baseline', flexWrap: 'wrap' }}>
        <IconChevronRight size={15} className="muted" aria-hidden style={{ transform: open ? 'rotate(90deg)' : undefined, alignSelf: 'center' }} />
        <Text size="sm" fw={600}>{eventName({ type: e.type as never, event: e.name })}</Text>
        <Group gap={6} style={{ flex: '1 1 120px' }}>
          {marks.map((k) => <Badge key={k} size="sm" variant="light" color={did[k]![1]} tt="none">{did[k]![0]}</Badge>)}
          <Text size="xs" className="muted">{[app, e.source].filter(Boolean).join(' · ')}</Text>
        </Group>
        <Text size="sm" className="muted num"><When at={e.stored_at} exact /></Text>
      </UnstyledButton>
      <Collapse expanded={open}>
        <Stack gap="sm" px={16} pb={16}>
          {e.profile ? <Link className="link" style={{ fontSize: 14 }} to="/spaces/$space/$collection/$id" params={{ space, collection: e.profile.startsWith('acc_') ? 'accounts' : 'users', id: e.profile }}>To the person it belongs to</Link> : <Text size="sm">It belongs to nobody.</Text>}
          {e.changes.length > 0 && (
            <Stack gap={6}>
              {e.changes.map((c, i) => (
                <Group key={i} gap={8}><Badge size="sm" variant="light" color={did[c.kind]?.[1] ?? 'gray'} tt="none">{did[c.kind]?.[0] ?? c.kind.replaceAll('_', ' ')}</Badge>{c.id && <Id id={c.id} />}{c.trait && <Text size="sm">{c.trait}</Text>}{c.reason && <Text size="sm" className="muted">{c.reason}</Text>}</Group>
              ))}
            </Stack>
          )}
          {open && <Json value={e.body} />}
        </Stack>
      </Collapse>
    </div>
  )
}
