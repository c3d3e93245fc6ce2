import type { Schemas } from '../../../api/client'
import { count } from '../../../parts/format'

const calls: Record<string, string> = { identify: 'Said who they are', group: 'Joined an account', alias: 'Changed their ID', page: 'Page viewed', screen: 'Screen viewed' }

export const itemName = (i: Pick<Schemas['JourneyItem'], 'type' | 'name'>) => i.name || calls[i.type] || i.type

// itemText says what an item stands for.
export function itemText(i: Schemas['JourneyItem']): string {
  if (i.events === 1) return itemName(i)
  return i.mixed ? `${count(i.events)} events, ${itemName(i)} first` : `${count(i.events)} × ${itemName(i)}`
}

export function laneName(l: Schemas['JourneyLane']): [app: string, device: string] {
  if (!l.app) return ['All others', '']
  return [l.app, l.device_type === 'ios' ? 'iPhone' : l.device_type === 'android' ? 'Android' : l.device || (l.app.includes('.') ? 'Browser' : '')]
}
