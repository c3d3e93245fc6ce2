import { useQuery } from '@tanstack/react-query'
import { api, ok } from '../../api/client'
import { Personal } from '../../parts/mask'
import { nameOf } from '../person/name'

// Named shows the name of somebody whose profile's ID is known.
export function Named({ space, collection, id }: { space: string; collection: 'users' | 'accounts'; id: string }) {
  const p = useQuery({
    queryKey: ['profile', space, collection, id],
    queryFn: () => ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}', { params: { path: { space, collection, profile: id } } })),
    staleTime: 60_000,
  })
  return p.data ? <Personal>{nameOf(p.data)}</Personal> : id
}
