import { Group, SegmentedControl, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { IconAlertTriangle, IconArrowRight, IconCircleCheck, IconKey, IconMailX, IconSend } from '@tabler/icons-react'
import { lazy, Suspense, useMemo, useRef, useState, type ReactNode } from 'react'
import { api, ok } from '../../api/client'
import { ago, count, some } from '../../parts/format'
import { Card, Loading, Problem } from '../../parts/parts'
import { useSpace } from '../../shell/space'
import { FirstEvents } from './FirstEvents'
import { Search } from './Search'

const Chart = lazy(() => import('../../parts/Chart'))

export function useStats(space: string, every = 2000) {
  return useQuery({
    queryKey: ['stats', space],
    queryFn: () => ok(api.GET('/api/spaces/{space}/stats', { params: { path: { space } } })),
    refetchInterval: every,
  })
}

export function Home() {
  const space = useSpace()
  const stats = useStats(space)
  if (stats.error && !stats.data) return <Problem error={stats.error} retry={() => stats.refetch()} />
  if (stats.data && stats.data.events === 0 && stats.data.profiles === 0) return <FirstEvents space={space} />
  return (
    <Stack gap="xl">
      <div style={{ maxWidth: 760, margin: '24px auto 8px', width: '100%', textAlign: 'center' }}>
        <Title order={1} fz={{ base: 28, sm: 34 }} mb={18} style={{ letterSpacing: '-0.02em' }}>Who are you looking for?</Title>
        <Search />
      </div>
      <Numbers space={space} />
      <Activity space={space} />
      <Attention space={space} />
    </Stack>
  )
}

function Numbers({ space }: { space: string }) {
  const stats = useStats(space)
  const sources = useQuery({
    queryKey: ['sources', space],
    queryFn: () => ok(api.GET('/api/spaces/{space}/sources', { params: { path: { space }, query: { limit: 200 } } })),
    refetchInterval: 10_000,
  })
  const rate = useRate(stats.data?.events, stats.dataUpdatedAt)
  const s = stats.data
  return (
    <SimpleGrid cols={{ base: 2, md: 4 }} spacing="md">
      <Tile value={s && count(s.profiles)} label="people and accounts" />
      <Tile value={sources.data && count(sources.data.data.reduce((n, x) => n + x.events, 0))} label="events" />
      <Tile value={rate === undefined ? undefined : count(rate)} label="events a second, now" />
      <Tile value={s && count(s.merges)} label="merges since the server started" />
    </SimpleGrid>
  )
}

// useRate makes a rate of a counter that is read now and then.
function useRate(value: number | undefined, at: number) {
  const seen = useRef<{ value: number; at: number }[]>([])
  return useMemo(() => {
    if (value === undefined || !at) return undefined
    seen.current = [...seen.current.filter((s) => at - s.at < 10_000 && s.value <= value), { value, at }]
    const first = seen.current[0]!
    return at > first.at ? Math.round(((value - first.value) * 1000) / (at - first.at)) : 0
  }, [value, at])
}

function Tile({ value, label }: { value: string | undefined; label: string }) {
  return <div className="card tile"><div className="value">{value ?? '–'}</div><div className="label">{label}</div></div>
}

const seriesOf = [
  { key: 'events', label: 'Events' },
  { key: 'created', label: 'New people' },
  { key: 'merged', label: 'Became one' },
  { key: 'rejected', label: 'Refused' },
] as const

function Activity({ space }: { space: string }) {
  const [every, setEvery] = useState<'hour' | 'day'>('hour')
  const [what, setWhat] = useState<(typeof seriesOf)[number]['key']>('events')
  const counts = useQuery({
    queryKey: ['counts', space, every],
    queryFn: () => ok(api.GET('/api/spaces/{space}/insights/counts', { params: { path: { space }, query: { every } } })),
    refetchInterval: 30_000,
  })
  const series = seriesOf.find((s) => s.key === what)!
  const chart = useMemo(() => {
    const data = [...(counts.data?.data ?? [])].sort((a, b) => (a.at! < b.at! ? -1 : 1))
    return {
      times: data.map((c) => new Date(c.at!).getTime() / 1000),
      lines: [{ label: series.label, values: data.map((c) => c[what]), color: what === 'rejected' ? '#d6455d' : '#4f5ae0', fill: true }],
    }
  }, [counts.data, what, series.label])
  return (
    <Card title="Activity" aside={
      <Group gap="xs">
        <SegmentedControl size="xs" value={what} onChange={(v) => setWhat(v as typeof what)} data={seriesOf.map((s) => ({ value: s.key, label: s.label }))} aria-label="What to show" />
        <SegmentedControl size="xs" value={every} onChange={(v) => setEvery(v as 'hour' | 'day')} data={[{ value: 'hour', label: '24 hours' }, { value: 'day', label: '30 days' }]} aria-label="How long" />
      </Group>
    }>
      {counts.error ? <Problem error={counts.error} retry={() => counts.refetch()} /> : !counts.data ? <Loading /> : (
        <Suspense fallback={<div style={{ height: 200 }} />}>
          <Chart times={chart.times} lines={chart.lines} label={`${series.label} by ${every}`} />
        </Suspense>
      )}
    </Card>
  )
}

function Attention({ space }: { space: string }) {
  const warnings = useQuery({
    queryKey: ['warnings', space, 'open'],
    queryFn: () => ok(api.GET('/api/spaces/{space}/warnings', { params: { path: { space }, query: { limit: 100 } } })),
  })
  const refused = useQuery({
    queryKey: ['refused', space, 'counts'],
    queryFn: () => ok(api.GET('/api/spaces/{space}/rejects/counts', { params: { path: { space } } })),
  })
  const unknown = useQuery({ queryKey: ['unknown-keys'], queryFn: () => ok(api.GET('/api/unknown-keys')) })
  const destinations = useQuery({
    queryKey: ['destinations', space],
    queryFn: () => ok(api.GET('/api/spaces/{space}/destinations', { params: { path: { space }, query: { limit: 100 } } })),
    refetchInterval: 30_000,
  })
  const failed = warnings.error ?? refused.error ?? unknown.error ?? destinations.error
  if (failed) return <Problem error={failed} />
  if (!warnings.data || !refused.data || !unknown.data || !destinations.data) return <Card title="What needs attention"><Loading rows={2} /></Card>
  const items: ReactNode[] = []
  for (const w of warnings.data.data.slice(0, 4)) {
    items.push(<Item key={w.id} icon={<IconAlertTriangle size={20} color="#c77700" />} to="warnings" space={space} text={w.says} aside={w.last ? ago(w.last) : ''} />)
  }
  for (const d of destinations.data.data) {
    const name = d.name || d.key
    const ill = d.state === 'stopped' ? `${name} was stopped: ${d.stopped ?? ''}` : d.dead_letters > 0 ? `${name} could not be told ${some(d.dead_letters, 'message')}.` : d.state === 'behind' ? `${name} is behind: ${some(d.queued, 'message')} ${d.queued === 1 ? 'waits' : 'wait'}.` : ''
    if (ill) items.push(<Item key={'to ' + d.key} icon={<IconSend size={20} color="#d6455d" />} to="destinations" space={space} text={ill} aside={d.last_failed ? ago(d.last_failed) : ''} />)
  }
  const messages = refused.data.data.reduce((n, r) => n + r.messages, 0)
  if (messages > 0) items.push(<Item key="refused" icon={<IconMailX size={20} color="#d6455d" />} to="refused" space={space} text={`${some(messages, 'message')} could not be taken. ${messages === 1 ? 'It is' : 'They are'} kept, to be mended and sent again.`} />)
  const senders = unknown.data.data.length
  if (senders > 0 && !warnings.data.data.some((w) => w.kind === 'unknown_write_keys')) items.push(<Item key="keys" icon={<IconKey size={20} color="#c77700" />} to="sources" space={space} text={`${some(senders, 'sender')} used a write key that belongs to no source.`} />)
  return (
    <Card title="What needs attention" pad={false}>
      {items.length ? items : (
        <Group p={18} pt={6} gap="sm"><IconCircleCheck size={22} color="#14917e" /><Text size="sm">Nothing. Everything that was sent has been taken{destinations.data.data.length > 0 && `, ${destinations.data.data.length === 1 ? 'the destination is' : `all ${destinations.data.data.length} destinations are`} told`}, and nothing looks unusual.</Text></Group>
      )}
    </Card>
  )
}

function Item({ icon, text, aside, to, space }: { icon: ReactNode; text: string; aside?: string; to: 'warnings' | 'refused' | 'sources' | 'destinations'; space: string }) {
  return (
    <Link to={`/spaces/$space/${to}` as '/spaces/$space'} params={{ space }} className="hover" style={{ display: 'flex', gap: 14, padding: '13px 18px', borderTop: '1px solid var(--line)', textDecoration: 'none', alignItems: 'center' }}>
      <span aria-hidden style={{ display: 'flex' }}>{icon}</span>
      <Text size="sm" style={{ flex: 1 }}>{text}</Text>
      {aside && <Text size="xs" className="muted">{aside}</Text>}
      <IconArrowRight size={16} className="muted" aria-hidden />
    </Link>
  )
}
