import type { Schemas } from '../../../api/client'
import { Id, When } from '../../../parts/parts'
import { sentText } from '../sent'
import type { Strips } from './history'
import { itemText, laneName } from './words'

// Table has what the picture shows, for who cannot see it.
export function Table({ j, below, nameOf }: { j: Schemas['Journey']; below: Strips; nameOf: (key: string) => string }) {
  return (
    <details style={{ fontSize: 14 }}>
      <summary className="muted" style={{ cursor: 'pointer' }}>The journey as a table</summary>
      <div style={{ maxHeight: 420, overflow: 'auto' }} tabIndex={0}>
        <table className="rows">
          <thead><tr><th>When</th><th>What</th><th>Where</th></tr></thead>
          <tbody>
            {j.items.map((i, n) => {
              const [app, device] = laneName(j.lanes[i.lane]!)
              return <tr key={n}><td><When at={i.from} exact />{i.events > 1 && <> to <When at={i.to} /></>}</td><td>{itemText(i)}</td><td>{[app, device].filter(Boolean).join(', ')}</td></tr>
            })}
            {j.seams.map((s, n) => <tr key={'s' + n}><td><When at={s.time} exact /></td><td>Became one person, by <Id id={s.id} /></td><td>{laneName(j.lanes[s.lane]!)[0]} and {laneName(j.lanes[s.other]!)[0]}</td></tr>)}
            {below.bars.map((b, n) => <tr key={'b' + n}><td><When at={new Date(b.from).toISOString()} exact />{b.to !== null && <> to <When at={new Date(b.to).toISOString()} /></>}</td><td>In “{nameOf(b.key)}”</td><td>Audience</td></tr>)}
            {below.sent.map((s, n) => <tr key={'m' + n}><td><When at={s.delivery.at} exact /></td><td>{sentText(s.delivery, nameOf)}</td><td>{s.delivery.destination}</td></tr>)}
          </tbody>
        </table>
      </div>
    </details>
  )
}
