import { describe, expect, it } from 'vitest'
import { fromCEL, toCEL, type Group } from './cel'

const groups: [string, Group][] = [
  ['events("Order Completed").within("7d").count() >= 2', { all: true, conditions: [{ kind: 'event', did: true, event: 'Order Completed', within: '7d', atLeast: 2 }] }],
  ['events("a \\"b\\" && c").count() == 0 || !audiences.vip', { all: false, conditions: [{ kind: 'event', did: false, event: 'a "b" && c', within: '', atLeast: 1 }, { kind: 'audience', key: 'vip', member: false }] }],
  ['traits.miles >= 300 && traits.plan == "pro" && size(traits.cart_left) > 0 && identifiers.email.size() > 0', {
    all: true,
    conditions: [{ kind: 'trait', trait: 'miles', op: '>=', value: '300' }, { kind: 'trait', trait: 'plan', op: '==', value: 'pro' }, { kind: 'list', trait: 'cart_left', empty: false }, { kind: 'identifier', type: 'email', has: true }],
  }],
]

describe('conditions and CEL', () => {
  it.each(groups)('%s', (cel, group) => {
    expect(toCEL(group)).toBe(cel)
    expect(fromCEL(cel)).toEqual(group)
  })
  it.each(['', 'traits.a > 1 && (traits.b > 2 || traits.c)', 'traits.a>1', 'true', 'traits.a > 1 && traits.b > 2 || traits.c > 3', 'events("x", price > 5).count() >= 1'])('leaves alone: %s', (cel) => {
    expect(fromCEL(cel)).toBeNull()
  })
})
