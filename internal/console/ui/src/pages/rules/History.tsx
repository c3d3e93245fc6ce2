import { Button, Collapse, Group, Stack, Text, UnstyledButton } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { Card, Code, Empty, Loading, Problem, When } from '../../parts/parts'

export function History({ space, current, readOnly }: { space: string; current: number; readOnly: boolean }) {
  const pages = useInfiniteQuery({
    queryKey: ['rules-versions', space, current],
    queryFn: ({ pageParam }) => ok(api.GET('/api/spaces/{space}/rules/versions', { params: { path: { space }, query: { limit: 20, ...(pageParam ? { next: pageParam } : {}) } } })),
    initialPageParam: '',
    getNextPageParam: (p) => (p.cursor.has_more ? p.cursor.next : undefined),
  })
  const list = pages.data?.pages.flatMap((p) => p.data)
  if (pages.error && !list) return <Problem error={pages.error} retry={() => pages.refetch()} />
  if (!list) return <Card><Loading /></Card>
  if (list.length === 0) return <Card><Empty title="The built-in rules have been at work from the start" /></Card>
  return (
    <Stack>
      <Card pad={false}>{list.map((v) => <One key={v.version} space={space} version={v} current={v.version === current} readOnly={readOnly} />)}</Card>
      {pages.hasNextPage && <Button variant="default" onClick={() => pages.fetchNextPage()}>Show more</Button>}
    </Stack>
  )
}

function One({ space, version: v, current, readOnly }: { space: string; version: Schemas['RulesVersion']; current: boolean; readOnly: boolean }) {
  const [open, setOpen] = useState(false)
  const queries = useQueryClient()
  const restore = useMutation({
    mutationFn: () => ok(api.POST('/api/spaces/{space}/rules/versions/{version}/restore', { params: { path: { space, version: String(v.version) }, query: { why: `back to version ${v.version}` } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['rules', space] }),
  })
  return (
    <div style={{ borderBottom: '1px solid var(--line)', padding: '10px 16px' }}>
      <Group justify="space-between">
        <UnstyledButton onClick={() => setOpen(!open)} aria-expanded={open} style={{ flex: 1 }}>
          <Text size="sm"><strong>Version {v.version}</strong>{current && ' (at work)'} <span className="muted">{v.set_for || v.set_by}, <When at={v.set_at} /></span>{v.why && <> “{v.why}”</>}</Text>
        </UnstyledButton>
        {!current && !readOnly && <Button size="xs" variant="default" onClick={() => restore.mutate()} loading={restore.isPending}>Go back to it</Button>}
      </Group>
      {restore.error && <Problem error={restore.error} />}
      <Collapse expanded={open}><div style={{ paddingTop: 10 }}>{open && <Code>{JSON.stringify(v.rules, null, 2)}</Code>}</div></Collapse>
    </div>
  )
}
