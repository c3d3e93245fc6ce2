import { useQuery } from '@tanstack/react-query'
import { api, ok, type Schemas } from '../../../api/client'
import { readDefinitions } from '../../audiences/document'
import type { Collection } from '../Person'

const none: Schemas['PersonDelivery'][] = []

// useDeliveries reads what was sent to somebody, and what waits.
export function useDeliveries(space: string, collection: Collection, id: string) {
  return useQuery({
    queryKey: ['person deliveries', space, collection, id],
    queryFn: () => ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}/deliveries', { params: { path: { space, collection, profile: id } } })),
    refetchInterval: 20_000,
  })
}

// useHistory reads how what is computed of somebody changed, and what was sent. The
// journey does not wait for it.
export function useHistory(space: string, collection: Collection, id: string) {
  const definitions = useQuery({ queryKey: ['definitions', space], queryFn: () => readDefinitions(space), staleTime: 30_000 })
  const history = useQuery({
    queryKey: ['computed history', space, collection, id],
    queryFn: () => ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}/computed/history', { params: { path: { space, collection, profile: id } } })),
    staleTime: 15_000,
  })
  const deliveries = useDeliveries(space, collection, id)
  const nameOf = (key: string) => definitions.data?.definitions.find((d) => d.key === key)?.name || (key.charAt(0).toUpperCase() + key.slice(1)).replaceAll('_', ' ')
  return { history: history.data, deliveries: deliveries.data?.deliveries ?? none, nameOf }
}
