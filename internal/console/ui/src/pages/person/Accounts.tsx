import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { IconBuilding } from '@tabler/icons-react'
import { api, ok } from '../../api/client'
import { Card, Empty, Id, Loading, Problem } from '../../parts/parts'
import type { Collection } from './Person'

export function Accounts({ space, collection, id }: { space: string; collection: Collection; id: string }) {
  const links = useQuery({
    queryKey: ['links', space, collection, id],
    queryFn: () => ok(api.GET('/v1/spaces/{space}/collections/{collection}/profiles/{profile}/links', { params: { path: { space, collection, profile: id }, query: { limit: 200 } } })),
  })
  if (links.error) return <Problem error={links.error} retry={() => links.refetch()} />
  if (!links.data) return <Loading />
  const users = collection === 'users'
  if (links.data.data.length === 0) return <Card><Empty icon={<IconBuilding size={36} />} title={users ? 'In no account' : 'No people yet'}>Group calls tie people to accounts.</Empty></Card>
  return (
    <Card pad={false}>
      <table className="rows">
        <thead><tr><th>{users ? 'Account' : 'Person'}</th><th>Identifiers</th></tr></thead>
        <tbody>
          {links.data.data.map((l) => (
            <tr key={l.to_segment_id}>
              <td><Link className="link mono" to="/spaces/$space/$collection/$id" params={{ space, collection: l.to_collection, id: l.to_segment_id }}>{l.to_segment_id}</Link></td>
              <td style={{ display: 'flex', gap: 6, flexWrap: 'wrap' }}>{l.external_ids.slice(0, 6).map((e) => <Id key={e.type + e.id} id={`${e.type}:${e.id}`} />)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}
