import { Button, Group, Text } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { api, ok, type Schemas } from '../../../api/client'
import { some } from '../../../parts/format'
import { Card, Id, Loading, Problem, When } from '../../../parts/parts'
import { EventRow } from '../Events'
import type { Collection } from '../Person'

// StrandEvents shows what tied some identifiers: the events that carried them.
export function StrandEvents({ space, collection, graph, strand, onClose }: { space: string; collection: Collection; graph: Schemas['ProfileGraph']; strand: Schemas['Tie']; onClose: () => void }) {
  const pages = useInfiniteQuery({
    queryKey: ['strand events', space, collection, graph.id, strand.strand],
    queryFn: ({ pageParam }) => ok(api.GET('/v1/spaces/{space}/collections/{collection}/profiles/{profile}/events', {
      params: { path: { space, collection, profile: graph.id }, query: { limit: 10, sort: 'asc', strand: strand.strand, ...(pageParam ? { next: pageParam } : {}) } },
    })),
    initialPageParam: '',
    getNextPageParam: (last) => (last.cursor.has_more ? last.cursor.next : undefined),
  })
  const events = pages.data?.pages.flatMap((p) => p.data)
  const ids = strand.identifiers.map((n) => graph.identifiers[n]!.id)
  return (
    <Card title={`${strand.events_at_least ? 'At least ' : ''}${some(strand.events, 'event')} had ${ids.length > 1 ? 'all of these' : 'this'}`} aside={<Button size="xs" variant="subtle" onClick={onClose}>Close</Button>}>
      <Group gap={6}>{ids.map((id) => <Id key={id} id={id} />)}</Group>
      {strand.kept_out.length > 0 && <Group gap={6} mt={8}><Text size="sm" className="muted">Left out:</Text>{strand.kept_out.map((k) => <Id key={k.id} id={k.id} />)}</Group>}
      <Text size="sm" className="muted" mt={8} mb={8}>In {strand.app}, first <When at={strand.first} exact /></Text>
      {pages.error && !events ? <Problem error={pages.error} retry={() => pages.refetch()} /> : !events ? <Loading rows={3} /> : events.map((e, i) => <EventRow key={e.message_id + i} event={e} />)}
      {pages.hasNextPage && <Button variant="default" size="xs" mt="sm" onClick={() => pages.fetchNextPage()} loading={pages.isFetchingNextPage}>Show more</Button>}
    </Card>
  )
}
