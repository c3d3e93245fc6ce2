import { ActionIcon, Group, Stack, Text, Tooltip } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react'
import { useEffect, useMemo, useState } from 'react'
import { api, ok, type Schemas } from '../../../api/client'
import { count, some, when } from '../../../parts/format'
import { Card, Id, Loading, Problem, When } from '../../../parts/parts'
import { laneColors } from '../../../theme'
import type { Collection } from '../Person'
import { elements } from './elements'
import { Picture } from './Picture'
import { StrandEvents } from './StrandEvents'

// Graph shows what holds somebody together: identifiers, and the strands that tie them.
export default function Graph({ space, collection, id }: { space: string; collection: Collection; id: string }) {
  const graph = useQuery({
    queryKey: ['graph', space, collection, id],
    queryFn: () => ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}/graph', { params: { path: { space, collection, profile: id } } })) as Promise<Schemas['ProfileGraph']>,
  })
  if (graph.error) return <Problem error={graph.error} retry={() => graph.refetch()} />
  if (!graph.data) return <Loading />
  return <GraphOf space={space} collection={collection} graph={graph.data} />
}

function GraphOf({ space, collection, graph }: { space: string; collection: Collection; graph: Schemas['ProfileGraph'] }) {
  const [chosen, setChosen] = useState<number | null>(null)
  const all = useMemo(() => elements(graph), [graph])
  const times = useMemo(() => [...new Set(all.points.map((p) => p.first).concat(all.lines.map((l) => l.first)))].sort((a, b) => a - b), [all])
  const player = usePlayer(times.length)
  const until = player.at === null ? null : (times[player.at] ?? null)
  const color = (app: string) => {
    const n = all.apps.indexOf(app)
    return n < 0 ? '#8a94ab' : laneColors[n % laneColors.length]!
  }
  const there = until === null ? graph.identifiers.length : all.points.filter((p) => p.kind === 'identifier' && p.first <= until).length
  const strand = chosen === null ? undefined : graph.strands[chosen]
  return (
    <Stack>
      <Card pad={false}>
        <Picture all={all} color={color} until={until} chosen={chosen} onChoose={setChosen} />
        <Group px={18} pb={14} gap="sm" wrap="nowrap">
          <Tooltip label={player.playing ? 'Pause' : 'Play from the first identifier to the last'}>
            <ActionIcon variant="light" onClick={player.toggle} aria-label={player.playing ? 'Pause the graph' : 'Play the graph'} disabled={times.length < 2}>
              {player.playing ? <IconPlayerPause size={17} /> : <IconPlayerPlay size={17} />}
            </ActionIcon>
          </Tooltip>
          <input type="range" min={0} max={Math.max(0, times.length - 1)} value={player.at ?? times.length - 1} onChange={(e) => player.set(Number(e.currentTarget.value))}
            aria-label="As of when" aria-valuetext={until === null ? 'now' : when(new Date(until))} style={{ flex: 1, minWidth: 60, accentColor: 'var(--mantine-color-iris-6)' }} />
          <Text size="sm" className="muted num" style={{ whiteSpace: 'nowrap' }}>{until === null ? some(there, 'identifier') : `${when(new Date(until))}: ${count(there)}`}</Text>
        </Group>
        <Group px={18} pb={14} gap="4px 16px">
          {all.apps.slice(0, laneColors.length).map((app) => (
            <Group key={app} gap={6} wrap="nowrap"><span style={{ width: 10, height: 10, borderRadius: 5, background: color(app) }} aria-hidden /><Text size="sm">{app}</Text></Group>
          ))}
          {all.lines.some((l) => l.kind === 'out') && <Text size="sm" className="muted">dashed: kept apart</Text>}
          {all.lines.some((l) => l.kind === 'decided') && <Text size="sm" className="muted">double: somebody decided so</Text>}
        </Group>
      </Card>
      {graph.more && <Text size="sm" className="muted">The picture shows the first {count(graph.strands.length)} combinations only.</Text>}
      {strand ? <StrandEvents space={space} collection={collection} graph={graph} strand={strand} onClose={() => setChosen(null)} /> : <Text size="sm" className="muted">Click a line to see the events that tie its ends.</Text>}
      <Ties graph={graph} onChoose={setChosen} />
    </Stack>
  )
}

const rows = 200

function Ties({ graph, onChoose }: { graph: Schemas['ProfileGraph']; onChoose: (strand: number) => void }) {
  const [open, setOpen] = useState(false)
  return (
    <details onToggle={(e) => setOpen(e.currentTarget.open)}>
      <summary style={{ cursor: 'pointer', fontSize: 14 }} className="muted">What was seen together, as a list</summary>
      {open && (
        <Card pad={false}>
          <table className="rows">
            <thead><tr><th>Together</th><th>Events</th><th>First</th><th>In</th></tr></thead>
            <tbody>
              {graph.strands.slice(0, rows).map((s, n) => (
                <tr key={s.strand}>
                  <td><Group gap={6}>{s.identifiers.map((i) => <Id key={i} id={graph.identifiers[i]!.id} />)}{s.kept_out.map((k) => <span key={k.id} className="muted">without <Id id={k.id} /></span>)}</Group></td>
                  <td className="num"><button type="button" className="link plain" onClick={() => onChoose(n)}>{count(s.events)}{s.events_at_least && ' or more'}</button></td>
                  <td style={{ whiteSpace: 'nowrap' }}><When at={s.first} /></td>
                  <td>{s.app}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {graph.strands.length > rows && <Text size="sm" className="muted" p="md">and {count(graph.strands.length - rows)} more</Text>}
        </Card>
      )}
    </details>
  )
}

// usePlayer goes through n steps within some seconds; null is the end, where all is there.
function usePlayer(n: number) {
  const [at, setAt] = useState<number | null>(null)
  const [playing, setPlaying] = useState(false)
  useEffect(() => {
    if (!playing) return
    const size = Math.max(1, Math.floor(n / 120))
    const timer = setInterval(() => setAt((i) => Math.min(n - 1, (i ?? -1) + size)), Math.max(50, Math.min(700, 9_000 / n)))
    return () => clearInterval(timer)
  }, [playing, n])
  useEffect(() => {
    if (at === null || at < n - 1) return
    setAt(null)
    setPlaying(false)
  }, [at, n])
  return { at, playing, toggle: () => setPlaying(!playing), set: (i: number) => { setPlaying(false); setAt(i) } }
}
