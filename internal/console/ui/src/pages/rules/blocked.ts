import type { Schemas } from '../../api/client'

// blockedBy says which rule makes a value identify nobody, or null if none does. The
// patterns are Go's, which agree with the browser's for all that people use here; one
// that the browser cannot read counts as not matching.
export function blockedBy(rules: Schemas['Rules'], type: string, value: string): string | null {
  const v = value.trim()
  const own = rules.identifiers?.find((i) => i.type === type)
  for (const [list, where] of [[own?.blocked, `listed for ${type}`], [rules.defaults?.blocked, 'listed for all types']] as const) {
    if (list?.includes(v)) return `“${v}” is ${where}`
  }
  for (const [list, where] of [[own?.blocked_patterns, `of ${type}`], [rules.defaults?.blocked_patterns, 'of all types']] as const) {
    for (const p of list ?? []) {
      try {
        if (new RegExp(p, 'u').test(v)) return `it matches the pattern ${p} ${where}`
      } catch {
        continue
      }
    }
  }
  return null
}
