import type { Schemas } from '../../api/client'

// builtin are the types that a message may have without any rule, in the order in which
// they are believed unless the rules say otherwise.
export const builtin: { type: string }[] = [
  'user_id', 'email', 'braze_id', 'android.id', 'android.idfa', 'android.push_token', 'anonymous_id', 'cross_domain_id', 'ga_client_id',
  'ios.id', 'ios.idfa', 'ios.push_token',
].map((type) => ({ type }))

// limitOf is the limit of a type that has none of its own.
export function limitOf(type: string, rules: Schemas['Rules']): { limit: number; window: string } {
  if (type === 'user_id' || type === 'group_id') return { limit: 1, window: 'ever' }
  const d = rules.defaults
  if (d?.limit || d?.window) return { limit: d.limit ?? 5, window: d.window ?? 'ever' }
  return { limit: 5, window: type === 'anonymous_id' || type === 'ga_client_id' ? 'weekly' : 'ever' }
}
