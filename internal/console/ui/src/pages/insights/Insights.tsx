import { Button, Group, MultiSelect, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { IconZzz } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { Card, Empty, Id, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'

const kinds: Record<Schemas['Insight']['kind'], [title: string, color: string]> = {
  created: ['New profile', '#14917e'],
  merged: ['Profiles became one', '#4f5ae0'],
  unmerged: ['Taken apart', '#c0498d'],
  id_added: ['Identifier added', '#3a8fd0'],
  id_removed: ['Identifier taken away', '#c0498d'],
  demoted: ['Identifier left out', '#c77700'],
  unresolved: ['Event of nobody', '#d6455d'],
}

export function Insights() {
  const space = useSpace()
  const [kind, setKind] = useState<string[]>([])
  const [id, setId] = useState('')
  const [wanted] = useDebouncedValue(id.trim(), 300)
  const pages = useInfiniteQuery({
    queryKey: ['insights', space, kind, wanted],
    queryFn: ({ pageParam }) => ok(api.GET('/api/spaces/{space}/insights', {
      params: { path: { space }, query: { limit: 50, ...(kind.length ? { kind: kind.join(',') } : {}), ...(wanted ? { id: wanted } : {}), ...(pageParam ? { next: pageParam } : {}) } },
    })),
    initialPageParam: '',
    getNextPageParam: (p) => (p.cursor.has_more ? p.cursor.next : undefined),
  })
  const list = pages.data?.pages.flatMap((p) => p.data)
  return (
    <>
      <PageTitle title="What happened" text="Every profile that was made, merged or taken apart, and every identifier that the rules left out, the newest first." />
      <Stack>
        <Group gap="sm" align="flex-end">
          <MultiSelect label="Only" placeholder={kind.length ? undefined : 'everything'} data={Object.entries(kinds).map(([value, [label]]) => ({ value, label }))} value={kind} onChange={setKind} style={{ flex: '1 1 260px' }} clearable />
          <TextInput label="With the identifier" placeholder="email:jane@example.com, or a type" value={id} onChange={(e) => setId(e.currentTarget.value)} style={{ flex: '1 1 240px' }} />
        </Group>
        {pages.error && !list ? <Problem error={pages.error} retry={() => pages.refetch()} /> : (
          <Card pad={false}>
            {!list ? <Loading rows={8} /> : list.length === 0 ? <Empty icon={<IconZzz size={36} />} title="Nothing of that kind">{pages.hasNextPage ? 'Not among the newest. There is more further back.' : ''}</Empty> : list.map((x, i) => <One key={i} space={space} insight={x} />)}
          </Card>
        )}
        {pages.hasNextPage && <Button variant="default" onClick={() => pages.fetchNextPage()} loading={pages.isFetchingNextPage}>Further back</Button>}
      </Stack>
    </>
  )
}

function One({ space, insight: x }: { space: string; insight: Schemas['Insight'] }) {
  const [title, color] = kinds[x.kind] ?? [x.kind, '#727d93']
  const ids = x.id ? [x.id] : (x.ids ?? [])
  return (
    <div style={{ display: 'flex', gap: 12, padding: '11px 16px', borderBottom: '1px solid var(--line)', flexWrap: 'wrap', alignItems: 'baseline' }}>
      <span style={{ width: 9, height: 9, borderRadius: 9, background: color, flex: 'none' }} aria-hidden />
      <Text size="sm" fw={600} style={{ minWidth: 170 }}>{title}</Text>
      <Group gap={6} style={{ flex: '1 1 260px' }}>
        {ids.map((i) => <Id key={i} id={i} />)}
        {x.reason && <Text size="sm" className="muted">{x.reason}</Text>}
        {x.from && <Text size="sm" className="muted">from <span className="mono">{x.from}</span></Text>}
      </Group>
      {x.profile && <Link className="link mono" style={{ fontSize: 12.5 }} to="/spaces/$space/$collection/$id" params={{ space, collection: x.profile.startsWith('acc_') ? 'accounts' : 'users', id: x.profile }}>{x.profile.slice(0, 4)}…{x.profile.slice(-6)}</Link>}
      <Text size="sm" className="muted num"><When at={x.at} /></Text>
    </div>
  )
}
