import { describe, expect, it } from 'vitest'
import type { Schemas } from '../../../api/client'
import { momentsOf, pathOf, strips } from './history'

const at = (s: number) => new Date(s * 1000).toISOString()
const history: Schemas['ComputedHistory'] = {
  id: 'use_1', revision: 1, as_of: at(100), sampled: false,
  series: [
    { key: 'cart', kind: 'audience', changes: [{ time: at(10), value: true }, { time: at(20), value: false }, { time: at(50), value: true }] },
    { key: 'never', kind: 'audience', changes: [] },
    { key: 'orders', kind: 'trait', changes: [{ time: at(5), value: 0 }, { time: at(20), value: 1 }] },
    { key: 'miles', kind: 'trait', changes: [{ time: at(10), value: 10 }, { time: at(30), value: 20 }, { time: at(40), value: null }, { time: at(60), value: 5 }] },
    { key: 'list', kind: 'trait', changes: [{ time: at(1), value: ['a'] }, { time: at(2), value: [] }] },
  ],
}
const mail: Schemas['PersonDelivery'] = { destination: 'mails', type: 'email', state: 'sent', mail: 'cart', at: at(70) }
const s = strips(history, [mail, { destination: 'hook', type: 'webhook', state: 'told', key: 'miles', since: at(60) }])

describe('what lies below a journey', () => {
  it('has the times in audiences, the last one open', () => expect(s.bars).toEqual([{ key: 'cart', from: 10_000, to: 20_000 }, { key: 'cart', from: 50_000, to: null }]))
  it('has curves of numbers, the liveliest first', () => expect(s.curves.map((c) => [c.key, c.max])).toEqual([['miles', 20], ['orders', 1]]))
  it('has what was sent', () => expect(s.sent.map((x) => x.at)).toEqual([70_000]))
  it('asks for room for its times', () => expect(momentsOf(s, 15_000, 80_000)).toEqual([20_000, 50_000, 70_000]))
  it('draws steps, with a hole where there is no value', () => {
    const x = (t: number) => t / 1000
    expect(pathOf(s.curves[0]!, x, 0, 80_000, 40).line).toBe('M10.0 20.0H30.0L30.0 0.0H40.0M60.0 30.0H80.0')
  })
  it('begins with what is so already', () => {
    expect(pathOf(s.curves[0]!, (t) => t / 1000, 15_000, 35_000, 40).line).toBe('M15.0 20.0H30.0L30.0 0.0H35.0')
    expect(pathOf(s.curves[0]!, (t) => t / 1000, 0, 5_000, 40).line).toBe('')
  })
})
