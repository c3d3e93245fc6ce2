import { describe, expect, it } from 'vitest'
import { ago, day, lasting, utc, when, whenExact } from './format'

describe('times', () => {
  it('that are none are a dash', () => {
    for (const show of [when, whenExact, day, utc, ago]) {
      for (const t of ['', 'yesterday', '2026-13-40T00:00:00Z', null, undefined, new Date(NaN), new Date(9e15)]) {
        expect(show(t), `${show.name} of ${t}`).toBe('—')
      }
    }
    for (const ms of [NaN, Infinity]) expect(lasting(ms)).toBe('—')
  })
  it('are shown, the odd ones too', () => {
    for (const t of ['0001-01-01T00:00:00Z', '1969-12-31T23:59:59.999Z', '9999-12-31T23:59:59Z']) {
      for (const show of [when, whenExact, day, utc, ago]) expect(show(t), `${show.name} of ${t}`).toMatch(/\d/)
    }
    expect(utc('2026-01-02T03:04:05.678Z')).toBe('2026-01-02 03:04:05.678 UTC')
    expect(ago('2026-01-02T00:00:00Z', Date.parse('2026-01-02T03:00:00Z'))).toMatch(/3 hours ago/)
    expect(lasting(3 * 3600_000)).toBe('3 hours')
  })
})
