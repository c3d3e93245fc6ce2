import { describe, expect, it } from 'vitest'
import { audienceOf, drop, put, traitOf } from './document'

const text = `# ours
traits:
  orders: {event: Order Completed, kind: count}   # bought
  miles: {kind: sum, event: Ran, property: properties.miles}
audiences:
  vip: {when: traits.orders >= 2}
destinations:
  log: {type: file}
`

describe('the definitions document', () => {
  it('changes one definition and no other text', () => {
    const out = put(text, 'audiences', 'vip', { when: 'traits.orders >= 3' })
    expect(audienceOf(out, 'vip')).toEqual({ when: 'traits.orders >= 3' })
    expect(out).toContain('# ours')
    expect(out).toContain('# bought')
    expect(out).toContain('log: {type: file}'.replace('{type: file}', ''))
    expect(traitOf(out, 'miles')).toEqual({ kind: 'sum', event: 'Ran', property: 'properties.miles' })
  })
  it('begins with nothing', () => {
    const out = put('', 'traits', 'orders', { kind: 'count', event: 'Order Completed' })
    expect(traitOf(out, 'orders')).toEqual({ kind: 'count', event: 'Order Completed' })
    expect(audienceOf(put(out, 'audiences', 'a', { when: 'traits.orders > 1' }), 'a')).toEqual({ when: 'traits.orders > 1' })
  })
  it('takes members away that are not wanted any more', () => {
    expect(traitOf(put(text, 'traits', 'miles', { kind: 'count', event: 'Ran' }), 'miles')).toEqual({ kind: 'count', event: 'Ran' })
    expect(traitOf(drop(text, 'traits', 'miles'), 'miles')).toBeUndefined()
  })
})
