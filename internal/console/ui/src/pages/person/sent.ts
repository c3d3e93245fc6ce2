import type { Schemas } from '../../api/client'
import { text } from '../../parts/format'

// sentText says what was sent, or was to be.
export function sentText(d: Schemas['PersonDelivery'], nameOf: (key: string) => string): string {
  if (d.mail) return `The mail “${d.mail}”`
  if (d.key && typeof d.value === 'boolean') return `${d.value ? 'In' : 'Not in'} “${nameOf(d.key)}”`
  if (d.key) return d.value === undefined || d.value === null ? nameOf(d.key) : `${nameOf(d.key)}: ${text(d.value)}`
  return d.message?.replaceAll('_', ' ') ?? 'A message'
}

export const sentStates: Record<string, string> = {
  told: 'told', sent: 'sent', queued: 'waiting', refused: 'refused', dropped: 'given up', unknown: 'perhaps delivered',
}
