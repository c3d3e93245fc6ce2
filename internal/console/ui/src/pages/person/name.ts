import type { Schemas } from '../../api/client'

type Named = {
  collection: Schemas['Collection']
  traits: { name: string; value?: unknown }[]
  identifiers: { type: string; value: string }[]
}

const trait = (p: Named, ...names: string[]) => {
  for (const n of names) {
    const v = p.traits.find((t) => t.name === n)?.value
    if (typeof v === 'string' && v.trim()) return v.trim()
  }
  return ''
}

export const firstName = (p: Named) => trait(p, 'firstName', 'first_name', 'firstname')

// nameOf is what to call somebody.
export function nameOf(p: Named): string {
  const both = [firstName(p), trait(p, 'lastName', 'last_name', 'lastname')].filter(Boolean).join(' ')
  const id = (type: string) => p.identifiers.find((i) => i.type === type)?.value ?? ''
  return both || trait(p, 'name', 'fullName', 'full_name') || id('email') || trait(p, 'email') || id('user_id') || id('group_id') ||
    (p.collection === 'accounts' ? 'An account' : 'Somebody anonymous')
}

// isKnown reports whether somebody said who they are.
export const isKnown = (p: Named) => p.identifiers.some((i) => i.type === 'user_id' || i.type === 'email' || i.type === 'phone' || i.type === 'group_id')
