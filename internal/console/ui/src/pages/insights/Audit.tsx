import { Button, Collapse, Group, Stack, Text, UnstyledButton } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { IconHistory } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { Card, Empty, Json, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'

export function Audit() {
  const space = useSpace()
  const pages = useInfiniteQuery({
    queryKey: ['audit', space],
    queryFn: ({ pageParam }) => ok(api.GET('/api/spaces/{space}/audit', { params: { path: { space }, query: { limit: 50, ...(pageParam ? { next: pageParam } : {}) } } })),
    initialPageParam: '',
    getNextPageParam: (p) => (p.cursor.has_more ? p.cursor.next : undefined),
  })
  const list = pages.data?.pages.flatMap((p) => p.data)
  return (
    <>
      <PageTitle title="Audit" text="Who changed what, when and why. It cannot be edited." />
      <Stack>
        {pages.error && !list ? <Problem error={pages.error} retry={() => pages.refetch()} /> : (
          <Card pad={false}>
            {!list ? <Loading rows={8} /> : list.length === 0 ? <Empty icon={<IconHistory size={36} />} title="Nobody has changed anything yet" /> : list.map((x, i) => <One key={i} entry={x} />)}
          </Card>
        )}
        {pages.hasNextPage && <Button variant="default" onClick={() => pages.fetchNextPage()} loading={pages.isFetchingNextPage}>Further back</Button>}
      </Stack>
    </>
  )
}

function One({ entry: x }: { entry: Schemas['AuditEntry'] }) {
  const [open, setOpen] = useState(false)
  return (
    <div style={{ borderBottom: '1px solid var(--line)' }}>
      <UnstyledButton className="hover" aria-expanded={open} disabled={!x.detail} onClick={() => setOpen(!open)} style={{ display: 'flex', gap: 12, padding: '11px 16px', width: '100%', flexWrap: 'wrap', alignItems: 'baseline' }}>
        <Text size="sm" fw={600} style={{ minWidth: 160 }}>{x.action.replaceAll('.', ' · ').replaceAll('_', ' ')}</Text>
        <Group gap={8} style={{ flex: '1 1 240px' }}>
          {x.subject && <Text size="sm" className="mono">{x.subject}</Text>}
          {x.why && <Text size="sm">“{x.why}”</Text>}
        </Group>
        <Text size="sm" className="muted">{x.for || x.by}</Text>
        <Text size="sm" className="muted num"><When at={x.at} /></Text>
      </UnstyledButton>
      {x.detail && <Collapse expanded={open}><div style={{ padding: '0 16px 14px' }}>{open && <Json value={x.detail} />}</div></Collapse>}
    </div>
  )
}
