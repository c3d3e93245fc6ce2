import type { Schemas } from '../../../api/client'

type Journey = Schemas['Journey']

// Fold is idle time that is drawn narrow.
export type Fold = { x: number; width: number; ms: number }
export type Placed = { item: Schemas['JourneyItem']; index: number; x: number; x2: number; y: number; label: boolean }
export type Thread = { lane: number; x1: number; x2: number; y: number }
export type Joint = { seam: Schemas['Seam']; index: number; x: number; y: number; fromX: number; fromY: number }
export type Tick = { x: number; at: number; day: boolean }
export type Layout = {
  width: number
  height: number
  items: Placed[]
  threads: Thread[]
  joints: Joint[]
  folds: Fold[]
  ticks: Tick[]
  from: number // the first time
  until: number // the last
  x: (t: number) => number
  time: (x: number) => number
}

export const laneHeight = 104
export const top = 74
const pad = 26
const leastLabel = 20

// A pause of more than this and of more than twenty times what is usual is folded.
const leastFold = 2 * 3600_000

const ms = (t: string | null) => new Date(t ?? 0).getTime()

// layout places a journey in a width. Time runs by the number of things that happen: what
// lies close together gets room, and long pauses are folded. others are times besides that
// get room too.
export function layout(j: Journey, width: number, others: number[] = []): Layout {
  const points = [...new Set(j.items.flatMap((i) => [ms(i.from), ms(i.to)]).concat(j.seams.map((s) => ms(s.time)), others))].sort((a, b) => a - b)
  const runs = j.items.filter((i) => i.events > 1 && ms(i.to) > ms(i.from)).map((i) => [ms(i.from), ms(i.to)] as const)
  const inRun = (a: number, b: number) => runs.some(([from, to]) => from <= a && to >= b)
  const gaps = points.slice(1).map((p, i) => p - points[i]!)
  const usual = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0
  const folded = gaps.map((g, i) => g > leastFold && g > 20 * usual && !inRun(points[i]!, points[i + 1]!))
  const weights = gaps.map((g, i) => (folded[i] ? 64 : inRun(points[i]!, points[i + 1]!) ? 150 : 24 + 9 * Math.log2(1 + g / 15_000)))
  const total = weights.reduce((a, b) => a + b, 0) || 1
  const scale = Math.max(1, width - 2 * pad) / total
  const xs: number[] = [pad]
  weights.forEach((w) => xs.push(xs[xs.length - 1]! + w * scale))
  if (points.length === 1) xs[0] = width / 2

  const x = (t: number) => {
    if (points.length === 0) return pad
    if (t <= points[0]!) return xs[0]!
    let lo = 0, hi = points.length - 1
    if (t >= points[hi]!) return xs[hi]!
    while (hi - lo > 1) {
      const mid = (lo + hi) >> 1
      if (points[mid]! <= t) lo = mid
      else hi = mid
    }
    return xs[lo]! + ((t - points[lo]!) / (points[hi]! - points[lo]!)) * (xs[hi]! - xs[lo]!)
  }
  const time = (px: number) => {
    if (points.length === 0) return 0
    let i = 0
    while (i < xs.length - 2 && xs[i + 1]! < px) i++
    if (points.length === 1 || px <= xs[0]!) return points[0]!
    const part = Math.min(1, Math.max(0, (px - xs[i]!) / (xs[i + 1]! - xs[i]! || 1)))
    return points[i]! + part * (points[i + 1]! - points[i]!)
  }
  const y = (lane: number) => top + lane * laneHeight + laneHeight / 2

  const items: Placed[] = j.items.map((item, index) => ({ item, index, x: x(ms(item.from)), x2: x(ms(item.to)), y: y(item.lane), label: false }))
  const labelled = new Map<number, [number, number][]>()
  const important = (p: Placed) => !p.item.mixed && (p.item.type === 'identify' || p.item.name === 'Order Completed')
  for (const pass of [true, false]) {
    for (const p of items) {
      if (important(p) !== pass) continue
      const taken = labelled.get(p.item.lane) ?? []
      if (taken.every(([a, b]) => p.x - b >= leastLabel || a - p.x >= leastLabel)) {
        p.label = true
        labelled.set(p.item.lane, [...taken, [p.x, p.x2]])
      }
    }
  }
  const threads: Thread[] = j.lanes.map((_, lane) => {
    const of = items.filter((p) => p.item.lane === lane)
    return { lane, x1: of[0]?.x ?? pad, x2: Math.max(...of.map((p) => p.x2), of[0]?.x ?? pad), y: y(lane) }
  })
  const joints: Joint[] = j.seams.map((seam, index) => {
    const at = x(ms(seam.time))
    const other = items.filter((p) => p.item.lane === seam.other && p.x <= at)
    const from = other.length ? Math.max(...other.map((p) => Math.min(p.x2, at))) : (threads[seam.other]?.x1 ?? pad)
    return { seam, index, x: at, y: y(seam.lane), fromX: from, fromY: y(seam.other) }
  })
  const folds: Fold[] = []
  const ticks: Tick[] = points.length ? [{ x: xs[0]!, at: points[0]!, day: true }] : []
  gaps.forEach((g, i) => {
    if (!folded[i]) return
    folds.push({ x: xs[i]!, width: xs[i + 1]! - xs[i]!, ms: g })
    const last = ticks[ticks.length - 1]
    if (!last || xs[i + 1]! - last.x > 96) ticks.push({ x: xs[i + 1]!, at: points[i + 1]!, day: true })
  })
  const end = points[points.length - 1]
  if (end !== undefined && xs[xs.length - 1]! - (ticks[ticks.length - 1]?.x ?? 0) > 110) ticks.push({ x: xs[xs.length - 1]!, at: end, day: true })
  return { width, height: top + Math.max(1, j.lanes.length) * laneHeight + 34, items, threads, joints, folds, ticks, from: points[0] ?? 0, until: end ?? 0, x, time }
}

// peopleAt is how many people it seemed to be at a time: lanes that had begun, less those
// that had been joined.
export function peopleAt(j: Journey, at: number): number {
  const begun = j.lanes.filter((_, lane) => j.items.some((i) => i.lane === lane && ms(i.from) <= at)).length
  const joined = j.seams.filter((s) => ms(s.time) <= at).length
  return begun ? Math.max(1, begun - joined) : 0
}

// headAt is the time at a part of what is played, of sorted times that each get the same
// share: the first up to 0, the last from 1 on, null if there are none.
export function headAt(times: number[], part: number): number | null {
  if (times.length === 0) return null
  const f = Math.min(1, Math.max(0, part)) * (times.length - 1)
  const from = times[Math.floor(f)]!
  return from + (f - Math.floor(f)) * (times[Math.ceil(f)]! - from)
}
