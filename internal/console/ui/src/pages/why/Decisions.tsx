import { Badge, Button, Group, Stack, Text } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { IconUserCheck } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { Card, Empty, Id, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'
import { DecisionDialog } from './DecisionDialog'
import { titleOf } from './decision'

export function Decisions() {
  const space = useSpace()
  const [back, setBack] = useState<Schemas['Override'] | null>(null)
  const pages = useInfiniteQuery({
    queryKey: ['overrides', space],
    queryFn: ({ pageParam }) => ok(api.GET('/api/spaces/{space}/overrides', { params: { path: { space }, query: { limit: 50, ...(pageParam ? { next: pageParam } : {}) } } })),
    initialPageParam: '',
    getNextPageParam: (p) => (p.cursor.has_more ? p.cursor.next : undefined),
  })
  const list = pages.data?.pages.flatMap((p) => p.data)
  return (
    <>
      <PageTitle title="Decisions" text="What people decided about who is who. A decision holds whatever comes, is imported or replayed later, until somebody takes it back." />
      {pages.error && !list ? <Problem error={pages.error} retry={() => pages.refetch()} /> : !list ? <Card><Loading /></Card> : list.length === 0 ? (
        <Card><Empty icon={<IconUserCheck size={40} />} title="Nobody has decided anything">Where the rules get somebody wrong, “Why one person?” shows why, and lets you say otherwise.</Empty></Card>
      ) : (
        <Stack gap="sm">
          {list.map((o) => (
            <Card key={o.id}>
              <Group justify="space-between" align="flex-start">
                <Stack gap={8} style={{ flex: '1 1 300px' }}>
                  <Group gap="sm"><Text fw={600}>{titleOf(o)}</Text>{o.not_at_work && <Badge color="orange" variant="light" tt="none" title={o.not_at_work}>Does not hold</Badge>}</Group>
                  <Group gap={6}>{o.ids.map((id) => <Id key={id} id={id} />)}</Group>
                  {o.why && <Text size="sm">“{o.why}”</Text>}
                  {o.not_at_work && <Text size="sm" className="muted">{o.not_at_work}</Text>}
                  <Text size="xs" className="muted">{o.for || o.by}, <When at={o.at} /></Text>
                </Stack>
                <Button variant="default" size="xs" onClick={() => setBack(o)}>Take back…</Button>
              </Group>
            </Card>
          ))}
          {pages.hasNextPage && <Button variant="default" onClick={() => pages.fetchNextPage()} loading={pages.isFetchingNextPage}>Show more</Button>}
        </Stack>
      )}
      {back && <DecisionDialog space={space} title="Take a decision back" change={{ takeBack: back }} onClose={() => setBack(null)} />}
    </>
  )
}
