import { describe, expect, it } from 'vitest'
import { fromCEL, isWhole, toCEL, type Query } from './cel'

const event = (name: string, operator: string, more = {}) => ({ field: 'event:' + name, operator, value: { atLeast: 1, within: '', property: '', op: '==', value: '', ...more } })
const groups: [string, Query][] = [
  ['events("Order Completed").within("7d").count() >= 2', { combinator: 'and', rules: [event('Order Completed', 'did', { within: '7d', atLeast: 2 })] }],
  ['events("Order Completed", price > 50).within("7d").count() >= 1', { combinator: 'and', rules: [event('Order Completed', 'did', { within: '7d', property: 'price', op: '>', value: '50' })] }],
  ['events("a \\"b\\" && (c").count() == 0 || !audiences.vip', { combinator: 'or', rules: [event('a "b" && (c', 'not'), { field: 'audience:vip', operator: 'notIn', value: '' }] }],
  ['traits.miles >= 300 && traits.plan == "pro" && size(traits.cart_left) > 0 && identifiers.email.size() > 0', {
    combinator: 'and',
    rules: [{ field: 'trait:miles', operator: '>=', value: '300' }, { field: 'trait:plan', operator: '==', value: 'pro' }, { field: 'trait:cart_left', operator: 'full', value: '' }, { field: 'identifier:email', operator: 'has', value: '' }],
  }],
  ['traits.a > 1 && (traits.b > 2 || !(audiences.vip && traits.c == true))', {
    combinator: 'and',
    rules: [{ field: 'trait:a', operator: '>', value: '1' }, {
      combinator: 'or',
      rules: [{ field: 'trait:b', operator: '>', value: '2' }, { combinator: 'and', not: true, rules: [{ field: 'audience:vip', operator: 'in', value: '' }, { field: 'trait:c', operator: '==', value: 'true' }] }],
    }],
  }],
  ['!(audiences.a || audiences.b)', { combinator: 'or', not: true, rules: [{ field: 'audience:a', operator: 'in', value: '' }, { field: 'audience:b', operator: 'in', value: '' }] }],
]

describe('conditions and CEL', () => {
  it.each(groups)('%s', (cel, query) => {
    expect(toCEL(query)).toBe(cel)
    expect(fromCEL(cel)).toEqual(query)
  })
  it.each([
    '', '(', ')', '()', '!()', 'traits.a>1', 'true', 'traits.a > 1 && traits.b > 2 || traits.c > 3', 'events("x", price > 5 && a == 1).count() >= 1', '((traits.a > 1)', 'traits.a > 1 && (traits.b)',
    'events(["a", "b"]).count() >= 1', 'traits.a > 1 &&', '(traits.a > 1) || (traits.b > 2', 'traits.a == "\\x"',
  ])('leaves alone: %s', (cel) => expect(fromCEL(cel)).toBeNull())
  it('knows what is half said', () => {
    expect(isWhole({ combinator: 'and', rules: [] })).toBe(false)
    expect(isWhole({ combinator: 'and', rules: [{ field: 'trait:', operator: '==', value: '' }] })).toBe(false)
    expect(isWhole(groups[4]![1])).toBe(true)
  })
})
