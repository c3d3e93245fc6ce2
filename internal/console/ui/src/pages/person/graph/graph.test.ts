import { describe, expect, it } from 'vitest'
import type { Schemas } from '../../../api/client'
import { elements } from './elements'
import { place } from './place'

const at = (s: number) => new Date(Date.UTC(2026, 0, 1) + s * 1000).toISOString()
const id = (type: string, value: string, s: number): Schemas['TiedIdentifier'] => ({ id: `${type}:${value}`, type, value, first: at(s), app: 'A' })
const tie = (identifiers: number[], s: number, events: number, kept_out: Schemas['Tie']['kept_out'] = []): Schemas['Tie'] => ({
  strand: 's' + s, identifiers, kept_out, first: at(s), message_id: 'm' + s, app: s > 5 ? 'B' : 'A', source: 'web', events, events_at_least: false,
})

const graph: Schemas['ProfileGraph'] = {
  id: 'use_1', collection: 'users', provisional: false, more: false,
  identifiers: [id('anonymous_id', 'a', 0), id('ios.id', 'i', 0), id('user_id', 'u', 3), id('email', 'e', 3), id('card', 'c', 9)],
  strands: [tie([0, 1], 0, 7), tie([0, 1, 2, 3], 3, 2), tie([2], 5, 40), tie([2], 6, 1, [{ id: 'phone:1:2', reason: 'limit' }])],
  decisions: [{ from: 'card:c', to: 'email:e', at: at(9), override: 'o' }],
}

describe('the graph of a person', () => {
  const e = elements(graph)
  it('has a point for each identifier, for strands of more than two, and for what was kept out', () => {
    expect(e.points.map((p) => p.id)).toEqual(['anonymous_id:a', 'ios.id:i', 'user_id:u', 'email:e', 'card:c', 'strand 1', 'phone:1:2'])
    expect(e.points.find((p) => p.id === 'user_id:u')!.events).toBe(43)
    expect(e.points.find((p) => p.id === 'phone:1:2')!.label).toEqual({ type: 'phone', value: '1:2' })
  })
  it('has a line for each tie', () => {
    expect(e.lines.map((l) => `${l.from} ${l.kind} ${l.to}`)).toEqual([
      'anonymous_id:a tie ios.id:i', 'strand 1 tie anonymous_id:a', 'strand 1 tie ios.id:i', 'strand 1 tie user_id:u', 'strand 1 tie email:e',
      'user_id:u out phone:1:2', 'card:c decided email:e',
    ])
  })
  it('has apps in the order in which they were seen', () => expect(e.apps).toEqual(['A', 'B']))
})

describe('places', () => {
  it('are apart, and the same each time', () => {
    const star = { sizes: Array.from({ length: 60 }, () => 10), lines: Array.from({ length: 59 }, (_, i) => [0, i + 1] as [number, number]) }
    const a = place(star)
    expect(place(star)).toEqual(a)
    for (let i = 0; i < a.length; i++) for (let k = 0; k < i; k++) expect(Math.hypot(a[i]![0] - a[k]![0], a[i]![1] - a[k]![1])).toBeGreaterThan(20)
  })
})
