import { describe, expect, it } from 'vitest'
import { blockedBy } from './blocked'

const rules = { defaults: { blocked: ['null'], blocked_patterns: ['^[0-]*$', '(?P<bad>'] }, identifiers: [{ type: 'email', blocked: ['x@y.z'], blocked_patterns: ['^noreply@'] }] }

describe('values that identify nobody', () => {
  it.each([['email', 'noreply@a.b', true], ['email', 'x@y.z', true], ['email', ' null ', true], ['user_id', '0000-00', true], ['user_id', 'noreply@a.b', false], ['email', 'jane@a.b', false]])('%s %s: %s', (type, value, blocked) => {
    expect(blockedBy(rules, type, value) !== null).toBe(blocked)
  })
})
