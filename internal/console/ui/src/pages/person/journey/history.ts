import type { Schemas } from '../../../api/client'

// Bar is a time in an audience; to is null while it lasts.
export type Bar = { key: string; from: number; to: number | null }
// Curve is how a number changed: from each time on it had the value; null: none.
export type Curve = { key: string; steps: { at: number; value: number | null }[]; max: number }
// Sent is a mail that was sent, or something that was given up.
export type Sent = { delivery: Schemas['PersonDelivery']; at: number }
export type Strips = { bars: Bar[]; audiences: string[]; curves: Curve[]; sent: Sent[] }

const ms = (t: string | null | undefined) => new Date(t ?? NaN).getTime()

// strips makes what lies below a journey: the times in audiences, numbers over time, and
// what was sent. Curves come with that one first which changed most often.
export function strips(history: Schemas['ComputedHistory'] | undefined, deliveries: Schemas['PersonDelivery'][]): Strips {
  const bars: Bar[] = []
  const curves: Curve[] = []
  for (const s of history?.series ?? []) {
    if (s.kind === 'audience') {
      let from: number | null = null
      for (const c of s.changes) {
        if (c.value === true && from === null) from = ms(c.time)
        if (c.value !== true && from !== null) {
          bars.push({ key: s.key, from, to: ms(c.time) })
          from = null
        }
      }
      if (from !== null) bars.push({ key: s.key, from, to: null })
      continue
    }
    const steps = s.changes.filter((c) => typeof c.value === 'number' || c.value === null).map((c) => ({ at: ms(c.time), value: c.value as number | null }))
    const numbers = steps.flatMap((p) => (p.value === null ? [] : [p.value]))
    if (steps.length === s.changes.length && numbers.length > 1) curves.push({ key: s.key, steps, max: Math.max(...numbers) })
  }
  curves.sort((a, b) => b.steps.length - a.steps.length)
  const sent = deliveries.flatMap((delivery) => (delivery.at && delivery.state !== 'told' ? [{ delivery, at: ms(delivery.at) }] : [])).sort((a, b) => a.at - b.at)
  return { bars, audiences: [...new Set(bars.map((b) => b.key))], curves, sent }
}

// momentsOf are the times of strips within a range, for a layout that has room for them.
export function momentsOf(s: Strips, from: number, to: number): number[] {
  return [...s.bars.flatMap((b) => (b.to === null ? [b.from] : [b.from, b.to])), ...s.sent.map((x) => x.at)].filter((t) => t >= from && t <= to)
}

// pathOf is the outline of a curve in a picture of a height, between two times.
export function pathOf(c: Curve, x: (t: number) => number, from: number, to: number, height: number): { line: string; area: string } {
  const y = (v: number) => height - (c.max > 0 ? Math.max(0, v / c.max) * height : 0)
  let line = '', area = ''
  const steps = c.steps.filter((s) => s.at <= to)
  const first = steps.findLastIndex((s) => s.at <= from)
  steps.slice(Math.max(0, first)).forEach((s, i, list) => {
    if (s.value === null) return
    const a = x(Math.max(from, s.at)), b = x(Math.min(to, list[i + 1]?.at ?? to)), h = y(s.value)
    const joined = i > 0 && list[i - 1]!.value !== null
    line += `${joined ? 'L' : 'M'}${a.toFixed(1)} ${h.toFixed(1)}H${b.toFixed(1)}`
    area += `M${a.toFixed(1)} ${height}V${h.toFixed(1)}H${b.toFixed(1)}V${height}Z`
  })
  return { line, area }
}
