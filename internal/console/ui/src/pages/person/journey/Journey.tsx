import { ActionIcon, Button, Group, Select, Text, Tooltip, useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { IconPlayerPause, IconPlayerPlay, IconZoomReset } from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { api, ok, type Schemas } from '../../../api/client'
import { count, day, lasting, some, when } from '../../../parts/format'
import { Personal } from '../../../parts/mask'
import { Card, Loading, Problem } from '../../../parts/parts'
import { laneColors } from '../../../theme'
import type { Collection } from '../Person'
import { Detail, type Chosen } from './Detail'
import { momentsOf, strips, type Curve, type Strips as AllStrips } from './history'
import { headAt, layout, peopleAt, type Layout } from './layout'
import { Strips, stripsHeight } from './Strips'
import { Table } from './Table'
import { useHistory } from './useHistory'
import { itemName, itemText, laneName } from './words'


export function Journey({ space, collection, id, name }: { space: string; collection: Collection; id: string; name: string }) {
  const [range, setRange] = useState<[number, number] | null>(null)
  const journey = useQuery({
    queryKey: ['journey', space, collection, id, range],
    queryFn: () => ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}/journey', {
      params: { path: { space, collection, profile: id }, query: { items: 240, ...(range ? { start: new Date(range[0]).toISOString(), end: new Date(range[1] + 1).toISOString() } : {}) } },
    })),
    placeholderData: keepPreviousData,
  })
  const { ref, width } = useElementSize()
  const [chosen, setChosen] = useState<Chosen>(null)
  const player = usePlayer(journey.data)
  useEffect(() => setChosen(null), [id, range])
  const j = journey.data
  const narrow = width > 0 && width < 600
  const { history, deliveries, nameOf } = useHistory(space, collection, id)
  const below = useMemo(() => strips(history, deliveries), [history, deliveries])
  const [curveKey, setCurveKey] = useState<string | null>(null)
  const labels = narrow ? 0 : width > 900 && (below.bars.length || below.curves.length) ? 190 : 132
  const curve = below.curves.find((c) => c.key === curveKey) ?? below.curves[0]
  const place = useMemo(() => {
    if (!j || !width) return null
    const [from, to] = range ?? [-Infinity, Infinity]
    return layout(j, Math.max(width - labels - 92, 240), j.items.length ? momentsOf(below, from, to) : [])
  }, [j, width, labels, below, range])
  return (
    <Card title="The journey" aside={
      <Group gap={6}>
        {below.curves.length > 1 && (
          <Select size="xs" w={190} aria-label="The number below" value={curve?.key ?? null} onChange={setCurveKey} allowDeselect={false} data={below.curves.map((c) => ({ value: c.key, label: nameOf(c.key) }))} />
        )}
        {range && <Button size="xs" variant="subtle" leftSection={<IconZoomReset size={15} />} onClick={() => setRange(null)}>All of it</Button>}
        {j && j.items.length > 1 && (
          <Tooltip label={player.playing ? 'Pause' : 'Play from the first click to one person'}>
            <ActionIcon variant="light" size="md" onClick={player.toggle} aria-label={player.playing ? 'Pause the journey' : 'Play the journey'}>
              {player.playing ? <IconPlayerPause size={17} /> : <IconPlayerPlay size={17} />}
            </ActionIcon>
          </Tooltip>
        )}
      </Group>
    }>
      <div ref={ref}>
        {journey.error && !j ? <Problem error={journey.error} retry={() => journey.refetch()} /> : !j || !place ? <Loading rows={5} /> : j.items.length === 0 ? <Text className="muted">No events in this time.</Text> : (
          <>
            <Picture j={j} place={place} below={inRange(below, place)} curve={curve} nameOf={nameOf} labels={labels} name={name} chosen={chosen} onChoose={setChosen} onRange={setRange} head={player.at} />
            {player.part !== null && (
              <input type="range" min={0} max={1000} value={Math.round(1000 * player.part)} onChange={(e) => player.seek(Number(e.currentTarget.value) / 1000)}
                aria-label="As of when" aria-valuetext={when(new Date(player.at!))} style={{ width: '100%', accentColor: 'var(--mantine-color-iris-6)' }} />
            )}
            <div role="status" aria-live="polite" style={{ minHeight: 46, paddingTop: 8 }}>
              {player.at !== null ? (
                <Text size="sm"><strong>{when(new Date(player.at))}</strong> <span className="muted">It seemed to be {some(peopleAt(j, player.at), 'person', 'people')}.</span></Text>
              ) : <Detail space={space} collection={collection} j={j} below={inRange(below, place)} nameOf={nameOf} chosen={chosen} />}
            </div>
            <Table j={j} below={below} nameOf={nameOf} />
          </>
        )}
      </div>
    </Card>
  )
}

// usePlayer moves a head from the first event to the last within some seconds.
function usePlayer(j: Schemas['Journey'] | undefined) {
  const [part, setPart] = useState<number | null>(null)
  const [playing, setPlaying] = useState(false)
  const times = useMemo(() => (j ? [...new Set(j.items.flatMap((i) => [new Date(i.from!).getTime(), new Date(i.to!).getTime()]))].sort((a, b) => a - b) : []), [j])
  useEffect(() => { setPart(null); setPlaying(false) }, [j?.id])
  useEffect(() => {
    if (!playing) return
    const length = Math.min(14_000, 3_000 + 320 * times.length)
    const began = performance.now() - (part ?? 0) * length
    let frame = 0
    const step = (now: number) => {
      const p = Math.max(0, (now - began) / length) // a frame may have begun before the click
      if (p >= 1) {
        setPart(null)
        setPlaying(false)
        return
      }
      setPart(p)
      frame = requestAnimationFrame(step)
    }
    frame = requestAnimationFrame(step)
    return () => cancelAnimationFrame(frame)
    // part is where it goes on, not what it follows
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [playing, times])
  const at = part === null ? null : headAt(times, part)
  const seek = (p: number) => { setPlaying(false); setPart(p < 1 ? p : null) }
  return { at, part, playing, toggle: () => setPlaying(!playing), seek }
}

// inRange leaves of strips what lies in the times of a layout.
function inRange(all: AllStrips, place: Layout): AllStrips {
  const bars = all.bars.filter((b) => b.from <= place.until && (b.to === null || b.to >= place.from))
  return { ...all, bars, audiences: all.audiences.filter((k) => bars.some((b) => b.key === k)), sent: all.sent.filter((s) => s.at >= place.from && s.at <= place.until) }
}

function Picture({ j, place, below, curve, nameOf, labels, name, chosen, onChoose, onRange, head }: {
  j: Schemas['Journey']; place: Layout; below: AllStrips; curve: Curve | undefined; nameOf: (key: string) => string; labels: number; name: string; chosen: Chosen; onChoose: (c: Chosen) => void; onRange: (r: [number, number]) => void; head: number | null
}) {
  const dark = useComputedColorScheme('light') === 'dark'
  const svg = useRef<SVGSVGElement>(null)
  const [brush, setBrush] = useState<[number, number] | null>(null)
  const end = place.width + 8
  const height = place.height + stripsHeight(below, curve)
  const middle = place.threads.reduce((n, t) => n + t.y, 0) / place.threads.length
  const toX = (clientX: number) => clientX - svg.current!.getBoundingClientRect().left - labels
  const headX = head === null ? null : place.x(head)
  const card = 'var(--card)'
  const color = (lane: number) => laneColors[lane % laneColors.length]!
  const key = (e: React.KeyboardEvent) => {
    const n = place.items.length
    const at = chosen?.kind === 'item' ? chosen.index : -1
    if (e.key === 'ArrowRight') onChoose({ kind: 'item', index: Math.min(n - 1, at + 1) })
    else if (e.key === 'ArrowLeft') onChoose({ kind: 'item', index: Math.max(0, at - 1) })
    else if (e.key === 'Escape') onChoose(null)
    else return
    e.preventDefault()
  }
  return (
    <svg
      ref={svg} width="100%" height={height} viewBox={`0 0 ${place.width + labels + 92} ${height}`} role="group" tabIndex={0}
      aria-label={`${count(j.events)} events in ${some(j.lanes.length, 'lane')}. Go through them with the arrow keys, or read the table below.`}
      onKeyDown={key} style={{ display: 'block', touchAction: 'pan-y', userSelect: 'none' }}
      onPointerDown={(e) => { if (e.pointerType === 'mouse') { const x = toX(e.clientX); setBrush([x, x]) } }}
      onPointerMove={(e) => brush && setBrush([brush[0], toX(e.clientX)])}
      onPointerUp={() => {
        if (brush && Math.abs(brush[1] - brush[0]) > 12) {
          const [a, b] = [Math.min(...brush), Math.max(...brush)]
          onRange([place.time(a), place.time(b)])
        }
        setBrush(null)
      }}
      onPointerLeave={() => setBrush(null)}
    >
      <g transform={`translate(${labels} 0)`}>
        {place.folds.map((f, i) => (
          <g key={i}>
            <rect x={f.x + 8} y={40} width={Math.max(0, f.width - 16)} height={place.height - 76} rx={8} fill="var(--soft)" opacity={dark ? 0.6 : 0.75} />
            {f.width > 40 && <text x={f.x + f.width / 2} y={34} textAnchor="middle" fontSize={11} fill="var(--muted)">{lasting(f.ms)}</text>}
          </g>
        ))}
        {place.ticks.map((t, i) => (
          <text key={i} x={t.x} y={place.height - 10} textAnchor={i === 0 ? 'start' : t.x > place.width - 60 ? 'end' : 'middle'} fontSize={11.5} fill="var(--muted)">{day(new Date(t.at))}</text>
        ))}
        {place.threads.map((t) => (
          <g key={t.lane}>
            <path d={`M${t.x1} ${t.y} H${t.x2}`} stroke={color(t.lane)} strokeWidth={5} strokeLinecap="round" opacity={0.35} fill="none" />
            <path d={`M${t.x2} ${t.y} C${(t.x2 + end) / 2} ${t.y} ${(t.x2 + end) / 2} ${middle} ${end} ${middle}`} stroke={color(t.lane)} strokeWidth={3} opacity={0.22} fill="none" />
          </g>
        ))}
        {place.joints.map((s) => (
          <path key={s.index} d={`M${s.fromX} ${s.fromY} C${s.fromX + Math.max(24, (s.x - s.fromX) * 0.6)} ${s.fromY} ${s.x - Math.max(24, (s.x - s.fromX) * 0.6)} ${s.y} ${s.x} ${s.y}`}
            stroke={color(s.seam.other)} strokeWidth={3} strokeDasharray="1 6" strokeLinecap="round" fill="none" opacity={0.9} />
        ))}
        {place.items.map((p) => {
          const on = chosen?.kind === 'item' && chosen.index === p.index
          const c = color(p.item.lane)
          const choose = () => onChoose({ kind: 'item', index: p.index })
          const run = p.x2 - p.x > 14
          const many = p.item.events > 1
          const big = !p.item.mixed && (p.item.type === 'identify' || p.item.name === 'Order Completed')
          return (
            <g key={p.index} onClick={choose} className="clickable">
              <title>{`${itemText(p.item)}, ${when(p.item.from!)}`}</title>
              {run ? (
                <>
                  <rect x={p.x - 9} y={p.y - 10} width={p.x2 - p.x + 18} height={20} rx={10} fill={c} stroke={on ? 'var(--text)' : card} strokeWidth={2} />
                  {p.x2 - p.x > 90 && <text x={(p.x + p.x2) / 2} y={p.y + 4} textAnchor="middle" fontSize={11} fontWeight={600} fill="#fff">{clip(itemText(p.item), (p.x2 - p.x) / 6.4)}</text>}
                </>
              ) : (
                <circle cx={p.x} cy={p.y} r={big ? 9 : many ? 8 : 6.5} fill={p.item.type === 'identify' ? card : c} stroke={p.item.type === 'identify' ? c : on ? 'var(--text)' : card} strokeWidth={p.item.type === 'identify' ? 3.5 : 2} />
              )}
              {p.item.type === 'identify' && <circle cx={p.x} cy={p.y} r={3} fill={c} />}
              {many && !run && !p.item.mixed && <text x={p.x} y={p.y + 22} textAnchor="middle" fontSize={10.5} fontWeight={600} fill={c}>{count(p.item.events)}</text>}
              {p.label && !(run && p.x2 - p.x > 90) && (
                <text x={p.x + 4} y={p.y - 14} fontSize={11} fill={big ? 'var(--text)' : 'var(--muted)'} fontWeight={big ? 600 : 400} transform={`rotate(-34 ${p.x + 4} ${p.y - 14})`}>{clip(p.item.mixed ? `${count(p.item.events)} events` : itemName(p.item), 19)}</text>
              )}
            </g>
          )
        })}
        {place.joints.map((s) => (
          <g key={s.index} onClick={() => onChoose({ kind: 'seam', index: s.index })} className="clickable" role="button" tabIndex={0} aria-label="Why are these one person?"
            onKeyDown={(e) => { if (e.key === 'Enter') onChoose({ kind: 'seam', index: s.index }) }}>
            <title>Two became one here. Why?</title>
            <circle cx={s.x} cy={s.y + 24} r={10} fill={card} stroke="var(--mantine-color-iris-5)" strokeWidth={chosen?.kind === 'seam' && chosen.index === s.index ? 3 : 1.8} />
            <path d={`M${s.x - 4.5} ${s.y + 20.5} q4.5 7 9 0 M${s.x} ${s.y + 24} v4.5`} stroke="var(--mantine-color-iris-5)" strokeWidth={1.8} fill="none" strokeLinecap="round" />
          </g>
        ))}
        <Strips all={below} curve={curve} place={place} y={place.height} end={end} labels={labels} nameOf={nameOf} chosen={chosen} onChoose={onChoose} />
        <circle cx={end} cy={middle} r={13} fill="var(--mantine-color-iris-6)" />
        <circle cx={end} cy={middle - 3.6} r={3.6} fill="#fff" /><path d={`M${end - 6} ${middle + 7} a6 5 0 0 1 12 0`} fill="#fff" />
        <text x={end} y={middle + 31} textAnchor="middle" fontSize={12.5} fontWeight={650} fill="var(--text)"><Personal>{clip(name, 13)}</Personal></text>
        {headX !== null && (
          <>
            <rect x={headX} y={0} width={Math.max(0, place.width + 120 - headX)} height={height} fill={card} opacity={0.9} />
            <path d={`M${headX} 12 V${height - 8}`} stroke="var(--mantine-color-iris-5)" strokeWidth={2} />
          </>
        )}
        {brush && <rect x={Math.min(...brush)} y={8} width={Math.abs(brush[1] - brush[0])} height={height - 40} fill="var(--mantine-color-iris-5)" opacity={0.15} rx={6} />}
      </g>
      {j.lanes.map((l, i) => {
        const [app, device] = laneName(l)
        const t = place.threads[i]!
        return labels ? (
          <g key={i}>
            <circle cx={6} cy={t.y - 5} r={5} fill={color(i)} />
            <text x={18} y={t.y - 1} fontSize={13} fontWeight={600} fill="var(--text)">{clip(app, 14)}</text>
            <text x={18} y={t.y + 15} fontSize={12} fill="var(--muted)">{clip(device, 16)}</text>
          </g>
        ) : <text key={i} x={2} y={t.y + 40} fontSize={12} fontWeight={600} fill={color(i)}>{[app, device].filter(Boolean).join(', ')}</text>
      })}
    </svg>
  )
}

const clip = (s: string, n: number) => (s.length > n ? s.slice(0, Math.max(1, Math.floor(n) - 1)) + '…' : s)
