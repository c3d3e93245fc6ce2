import { count, when } from '../../../parts/format'
import { pathOf, type Curve, type Strips as All } from './history'
import type { Layout } from './layout'

export const rowHeight = 30
export const curveHeight = 62
const gap = 18

export const stripsHeight = (all: All, curve: Curve | undefined) =>
  (all.sent.length ? rowHeight : 0) + all.audiences.length * rowHeight + (curve ? curveHeight + gap + 8 : 0) + (all.sent.length || all.audiences.length || curve ? gap : 0)

export type ChosenStrip = { kind: 'sent'; index: number } | { kind: 'bar'; index: number }

const tones: Record<string, string> = { sent: 'var(--mantine-color-iris-6)', refused: '#d6455d', dropped: '#d6455d', unknown: '#c77700' }

// Strips draws what lies below the lanes: what was sent, times in audiences, a number.
export function Strips({ all, curve, place, y, end, labels, nameOf, chosen, onChoose }: {
  all: All; curve: Curve | undefined; place: Layout; y: number; end: number; labels: number; nameOf: (key: string) => string; chosen: unknown; onChoose: (c: ChosenStrip) => void
}) {
  let at = y + gap
  const rows: React.ReactNode[] = []
  const is = (kind: string, index: number) => { const c = chosen as ChosenStrip | null; return c?.kind === kind && c.index === index }
  const label = (text: string, middle: number, strong?: boolean) => (labels
    ? <text x={-labels + 6} y={middle + 4} fontSize={12} fill={strong ? 'var(--text)' : 'var(--muted)'} fontWeight={strong ? 600 : 400}>{cut(text, (labels - 12) / (strong ? 6.6 : 6.1))}</text>
    : null)
  const button = (c: ChosenStrip, name: string) => ({
    role: 'button', tabIndex: 0, 'aria-label': name, className: 'clickable', onClick: () => onChoose(c),
    onKeyDown: (e: React.KeyboardEvent) => { if (e.key === 'Enter' || e.key === ' ') { e.preventDefault(); e.stopPropagation(); onChoose(c) } },
  })
  if (all.sent.length) {
    const middle = at + rowHeight / 2
    rows.push(
      <g key="sent">
        {label('Sent', middle, true)}
        <path d={`M0 ${middle} H${end}`} stroke="var(--line)" />
        {all.sent.map((s, i) => {
          const x = place.x(s.at), tone = tones[s.delivery.state] ?? 'var(--muted)'
          const name = `${s.delivery.mail || s.delivery.key || 'A message'}, ${s.delivery.state} ${when(new Date(s.at))}`
          return (
            <g key={i} {...button({ kind: 'sent', index: i }, name)}>
              <title>{name}</title>
              <rect x={x - 11} y={middle - 8} width={22} height={16} rx={3} fill={s.delivery.state === 'sent' ? tone : 'var(--card)'} stroke={is('sent', i) ? 'var(--text)' : tone} strokeWidth={is('sent', i) ? 2.5 : 1.5} />
              <path d={`M${x - 9} ${middle - 6} L${x} ${middle + 1} L${x + 9} ${middle - 6}`} stroke={s.delivery.state === 'sent' ? '#fff' : tone} strokeWidth={1.5} fill="none" />
            </g>
          )
        })}
      </g>,
    )
    at += rowHeight
  }
  for (const key of all.audiences) {
    const middle = at + rowHeight / 2
    rows.push(
      <g key={key}>
        {label(nameOf(key), middle)}
        <path d={`M0 ${middle} H${end}`} stroke="var(--line)" />
        {all.bars.map((b, i) => {
          if (b.key !== key) return null
          const from = place.x(b.from), to = b.to === null ? end : place.x(b.to), width = Math.max(6, to - from)
          const name = `In ${nameOf(key)} from ${when(new Date(b.from))} ${b.to === null ? 'on' : `to ${when(new Date(b.to))}`}`
          return (
            <g key={i} {...button({ kind: 'bar', index: i }, name)}>
              <title>{name}</title>
              <rect x={from} y={middle - 8} width={width} height={16} rx={8} fill="var(--mantine-color-iris-5)" opacity={0.32} stroke={is('bar', i) ? 'var(--text)' : 'none'} strokeWidth={2.5} />
              <circle cx={from + 3} cy={middle} r={3.5} fill="var(--mantine-color-iris-5)" />
              {!labels && width <= 60 && <text x={from - 6} y={middle + 4} fontSize={11} textAnchor="end" fill="var(--text)">{cut(nameOf(key), from / 6.2)}</text>}
              {!labels && width > 60 && <text x={from + 14} y={middle + 4} fontSize={11} fill="var(--text)">{cut(nameOf(key), width / 6.2)}</text>}
            </g>
          )
        })}
      </g>,
    )
    at += rowHeight
  }
  if (curve) {
    const { line, area } = pathOf(curve, place.x, place.from, place.until, curveHeight)
    rows.push(
      <g key="curve" transform={`translate(0 ${at + gap})`}>
        {label(nameOf(curve.key), 14, true)}
        {label(`up to ${count(curve.max)}`, 32)}
        {!labels && <text x={0} y={-5} fontSize={11.5} fill="var(--muted)">{nameOf(curve.key)}, up to {count(curve.max)}</text>}
        <path d={`M0 ${curveHeight} H${end}`} stroke="var(--line)" />
        <path d={area} fill="#14917e" opacity={0.16} />
        <path d={line} stroke="#14917e" strokeWidth={2} fill="none" strokeLinejoin="round" />
      </g>,
    )
  }
  return <>{rows}</>
}

const cut = (s: string, n: number) => (s.length > n ? s.slice(0, Math.max(1, Math.floor(n) - 1)) + '…' : s)
