import { Badge, Text } from '@mantine/core'
import { IconSend } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { Card, Empty, Id, Loading, Problem, When } from '../../parts/parts'
import { useDeliveries, useHistory } from './journey/useHistory'
import type { Collection } from './Person'
import { sentStates, sentText } from './sent'

const colors: Record<string, string> = { sent: 'teal', told: 'teal', queued: 'gray', refused: 'red', dropped: 'red', unknown: 'orange' }

// SentTab lists what destinations were told of somebody.
export function SentTab({ space, collection, id }: { space: string; collection: Collection; id: string }) {
  const deliveries = useDeliveries(space, collection, id)
  const { nameOf } = useHistory(space, collection, id)
  if (deliveries.error && !deliveries.data) return <Problem error={deliveries.error} retry={() => deliveries.refetch()} />
  if (!deliveries.data) return <Loading />
  if (deliveries.data.deliveries.length === 0) return <Card><Empty icon={<IconSend size={36} />} title="Nothing was sent">Destinations that are told of audiences and traits are listed here, with every mail.</Empty></Card>
  const mails = (d: { state: string }) => (d.state === 'told' ? 1 : 0)
  const list = [...deliveries.data.deliveries].sort((a, b) => mails(a) - mails(b) || (b.at ?? b.since ?? '').localeCompare(a.at ?? a.since ?? ''))
  return (
    <Card pad={false}>
      <table className="rows">
        <thead><tr><th>What</th><th>To</th><th>State</th><th>When</th><th>For</th></tr></thead>
        <tbody>
          {list.map((d, i) => (
            <tr key={i}>
              <td className="wide" style={{ overflowWrap: 'anywhere' }}>{sentText(d, nameOf)}</td>
              <td><Link className="link" to={'/spaces/$space/destinations' as '/spaces/$space'} params={{ space }}>{d.destination}</Link></td>
              <td>
                <Badge variant="light" color={colors[d.state] ?? 'gray'} tt="none" style={{ minWidth: 'max-content' }}>{sentStates[d.state] ?? d.state}</Badge>
                {d.reason && <Text size="xs" className="muted" mt={4}>{d.reason}</Text>}
                {d.next && <Text size="xs" className="muted" mt={4}>next try <When at={d.next} /></Text>}
              </td>
              <td style={{ whiteSpace: 'nowrap' }}>{d.at ? <When at={d.at} /> : d.since ? <span className="muted">so since <When at={d.since} /></span> : '—'}</td>
              <td style={{ minWidth: 190 }}>{d.identifier && <Id id={d.identifier} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}
