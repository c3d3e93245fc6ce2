import { describe, expect, it } from 'vitest'
import type { Schemas } from '../../../api/client'
import { headAt, layout, peopleAt } from './layout'

const at = (s: number) => new Date(Date.UTC(2026, 0, 1) + s * 1000).toISOString()
const item = (lane: number, from: number, to = from, events = 1): Schemas['JourneyItem'] => ({ lane, from: at(from), to: at(to), events, type: 'track', name: 'E', message_id: '', mixed: false })

const two: Schemas['Journey'] = {
  id: 'use_1', collection: 'users', provisional: false, events: 20, more: false, first: at(0), last: at(90_000),
  lanes: [{ app: 'A', device: '', device_type: '', events: 16 }, { app: 'B', device: '', device_type: '', events: 4 }],
  items: [item(0, 0), item(0, 30), item(0, 60), item(1, 90), item(1, 80_000), item(0, 80_100, 90_000, 14)],
  seams: [{ time: at(80_000), message_id: 'm', lane: 1, other: 0, id: 'email:x', a: 'a:1', b: 'b:1' }],
}

describe('the layout of a journey', () => {
  const l = layout(two, 1000)
  it('keeps time in order and inside', () => {
    const xs = l.items.map((p) => p.x)
    expect([...xs].sort((a, b) => a - b)).toEqual(xs)
    expect(Math.min(...xs)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...l.items.map((p) => p.x2))).toBeLessThanOrEqual(1000)
  })
  it('folds the long pause, and not the run', () => {
    expect(l.folds).toHaveLength(1)
    expect(l.folds[0]!.width).toBeLessThan(300)
    expect(l.items[5]!.x2 - l.items[5]!.x).toBeGreaterThan(l.folds[0]!.width)
  })
  it('finds times again', () => {
    for (const s of [0, 30, 45, 40_000, 85_000, 90_000]) {
      const t = new Date(at(s)).getTime()
      expect(Math.abs(l.time(l.x(t)) - t)).toBeLessThan(1000)
    }
  })
  it('joins lanes where the seam is', () => {
    expect(l.joints[0]).toMatchObject({ x: l.items[4]!.x, y: l.items[4]!.y, fromY: l.items[0]!.y })
  })
  it('counts people', () => {
    const t = (s: number) => new Date(at(s)).getTime()
    expect([peopleAt(two, t(-1)), peopleAt(two, t(10)), peopleAt(two, t(100)), peopleAt(two, t(80_000))]).toEqual([0, 1, 2, 1])
  })
  it('bears nothing and one', () => {
    expect(layout({ ...two, items: [], lanes: [], seams: [] }, 500).items).toEqual([])
    expect(layout({ ...two, items: [item(0, 5)], seams: [] }, 500).items[0]!.x).toBe(250)
  })
})

describe('the head of a journey that is played', () => {
  it('goes from the first time to the last', () => {
    expect([0, 0.25, 0.5, 0.75, 1].map((p) => headAt([100, 200, 1000], p))).toEqual([100, 150, 200, 600, 1000])
  })
  it('stays inside, also in a frame that began before the click', () => {
    expect(headAt([100, 200], -0.01)).toBe(100)
    expect(headAt([100, 200], 1.01)).toBe(200)
    expect(headAt([100], 0.5)).toBe(100)
    expect(headAt([], 0.5)).toBeNull()
  })
})
