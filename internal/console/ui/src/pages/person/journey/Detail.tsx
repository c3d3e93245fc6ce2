import { Group, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { Schemas } from '../../../api/client'
import { Id, When } from '../../../parts/parts'
import type { Collection } from '../Person'
import { sentText } from '../sent'
import type { Strips } from './history'
import type { ChosenStrip } from './Strips'
import { itemText, laneName } from './words'

export type Chosen = { kind: 'item'; index: number } | { kind: 'seam'; index: number } | ChosenStrip | null

// Detail says in words what was chosen in the picture.
export function Detail({ space, collection, j, below, nameOf, chosen }: { space: string; collection: Collection; j: Schemas['Journey']; below: Strips; nameOf: (key: string) => string; chosen: Chosen }) {
  if (chosen?.kind === 'seam') {
    const s = j.seams[chosen.index]
    if (!s) return null
    const both = [laneName(j.lanes[s.other]!), laneName(j.lanes[s.lane]!)].map(([a, d]) => [a, d].filter(Boolean).join(' on '))
    return (
      <Group gap="sm">
        <Text size="sm"><strong>{both[0]} and {both[1]} became one person</strong> <When at={s.time} exact />, for both had</Text>
        <Id id={s.id} />
        <Link className="link" style={{ fontSize: 14 }} to="/spaces/$space/why" params={{ space }} search={{ a: s.a, b: s.b, ...(collection === 'accounts' ? { c: 'accounts' as const } : {}) }}>See why, or undo it</Link>
      </Group>
    )
  }
  if (chosen?.kind === 'item') {
    const i = j.items[chosen.index]
    if (!i) return null
    const [app, device] = laneName(j.lanes[i.lane]!)
    return (
      <Text size="sm"><strong>{itemText(i)}</strong> <span className="muted">{app}{device && ` on ${device}`}, <When at={i.from} exact />{i.events > 1 && <> to <When at={i.to} exact /></>}{i.message_id && <>, message <span className="mono">{i.message_id}</span></>}</span></Text>
    )
  }
  if (chosen?.kind === 'sent') {
    const s = below.sent[chosen.index]
    if (!s) return null
    return <Text size="sm"><strong>{sentText(s.delivery, nameOf)}</strong> <span className="muted">{s.delivery.destination}, <When at={s.delivery.at} exact />{s.delivery.reason && <>: {s.delivery.reason}</>}</span></Text>
  }
  if (chosen?.kind === 'bar') {
    const b = below.bars[chosen.index]
    if (!b) return null
    return <Text size="sm"><strong>In “{nameOf(b.key)}”</strong> <span className="muted">from <When at={new Date(b.from).toISOString()} exact /> {b.to === null ? 'on' : <>to <When at={new Date(b.to).toISOString()} exact /></>}</span></Text>
  }
  return <Text size="sm" className="muted">Click an event, or a seam to see why two became one. Drag over a stretch of time to look closer.</Text>
}
