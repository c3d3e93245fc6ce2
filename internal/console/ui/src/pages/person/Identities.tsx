import { Button } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { Schemas } from '../../api/client'
import { typeName } from '../../parts/format'
import { Personal } from '../../parts/mask'
import { Card, Copy, When } from '../../parts/parts'

export function Identities({ space, profile }: { space: string; profile: Schemas['Profile'] }) {
  const first = profile.identifiers[0]
  return (
    <Card pad={false} title="What is known to belong together" aside={first && profile.identifiers.length > 1 && (
      <Button size="xs" variant="light" component={Link} {...({ to: '/spaces/$space/why', params: { space }, search: { a: `${first.type}:${first.value}` } } as object)}>Why one person?</Button>
    )}>
      <table className="rows">
        <thead><tr><th>Kind</th><th>Value</th><th>First seen</th><th>Source</th><th><span className="skip">Copy</span></th></tr></thead>
        <tbody>
          {profile.identifiers.map((i) => (
            <tr key={i.type + ':' + i.value}>
              <td title={i.type} style={{ whiteSpace: 'nowrap' }}>{typeName(i.type)}</td>
              <td className="mono wide"><Personal>{i.value}</Personal></td>
              <td style={{ whiteSpace: 'nowrap' }}><When at={i.first_seen} /></td>
              <td>{i.source}</td>
              <td style={{ padding: '4px 10px' }}><Copy value={`${i.type}:${i.value}`} label={`Copy ${typeName(i.type)}`} /></td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}
