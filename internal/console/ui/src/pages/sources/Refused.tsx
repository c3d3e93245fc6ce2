import { Alert, Badge, Button, Group, JsonInput, Modal, Select, Stack, Text, UnstyledButton } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconCircleCheck } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { count, some } from '../../parts/format'
import { Card, Empty, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'

export function Refused() {
  const space = useSpace()
  const queries = useQueryClient()
  const [code, setCode] = useState<string | null>(null)
  const [opened, setOpened] = useState<string | null>(null)
  const counts = useQuery({ queryKey: ['refused', space, 'counts'], queryFn: () => ok(api.GET('/api/spaces/{space}/rejects/counts', { params: { path: { space } } })) })
  const pages = useInfiniteQuery({
    queryKey: ['refused', space, 'list', code],
    queryFn: ({ pageParam }) => ok(api.GET('/api/spaces/{space}/rejects', { params: { path: { space }, query: { limit: 50, ...(code ? { code } : {}), ...(pageParam ? { next: pageParam } : {}) } } })),
    initialPageParam: '',
    getNextPageParam: (p) => (p.cursor.has_more ? p.cursor.next : undefined),
    refetchInterval: 10_000,
  })
  const again = () => queries.invalidateQueries({ queryKey: ['refused', space] })
  const all = useMutation({
    mutationFn: () => ok(api.POST('/api/spaces/{space}/rejects/resend', { params: { path: { space }, query: code ? { code } : {} } })),
    onSuccess: again,
  })
  const codes = [...new Set((counts.data?.data ?? []).map((c) => c.code))]
  const list = pages.data?.pages.flatMap((p) => p.data)
  return (
    <>
      <PageTitle title="Refused messages" text="What could not be taken is kept here for 30 days with its reason. Mend it and send it again; nothing is lost in silence.">
        <Select aria-label="Reason" placeholder="Every reason" data={codes.map((c) => ({ value: c, label: c.replaceAll('_', ' ') }))} value={code} onChange={setCode} clearable w={220} />
        <Button variant="default" onClick={() => all.mutate()} loading={all.isPending} disabled={!list?.length}>Send all again</Button>
      </PageTitle>
      <Stack>
        {all.error && <Problem error={all.error} />}
        {all.data && <Alert variant="light" color={all.data.refused ? 'orange' : 'teal'} withCloseButton onClose={() => all.reset()} role="status">{some(all.data.stored, 'message')} taken, {count(all.data.repeats)} were there already, {count(all.data.refused)} still refused.</Alert>}
        {pages.error && !list ? <Problem error={pages.error} retry={() => pages.refetch()} /> : (
          <Card pad={false}>
            {!list ? <Loading rows={6} /> : list.length === 0 ? <Empty icon={<IconCircleCheck size={40} color="#14917e" />} title="Nothing was refused">Everything that was sent has been taken.</Empty> : list.map((r) => (
              <UnstyledButton key={r.id} className="hover" onClick={() => setOpened(r.id)} style={{ display: 'flex', gap: 12, padding: '12px 16px', width: '100%', borderBottom: '1px solid var(--line)', flexWrap: 'wrap', alignItems: 'baseline' }}>
                <Badge color="red" variant="light" tt="none">{r.code.replaceAll('_', ' ')}</Badge>
                <Text size="sm" style={{ flex: '1 1 260px' }}>{r.message}</Text>
                {r.count > 1 && <Text size="sm" className="muted num">{count(r.count)} times</Text>}
                <Text size="sm" className="muted">{r.source}</Text>
                <Text size="sm" className="muted num"><When at={r.last_at ?? r.received_at} /></Text>
              </UnstyledButton>
            ))}
          </Card>
        )}
        {pages.hasNextPage && <Button variant="default" onClick={() => pages.fetchNextPage()} loading={pages.isFetchingNextPage}>Show more</Button>}
      </Stack>
      {opened && <Mend space={space} id={opened} onClose={() => setOpened(null)} onSent={again} />}
    </>
  )
}

// Mend shows a refused message and sends it again, as it is or changed.
export function Mend({ space, id, onClose, onSent }: { space: string; id: string; onClose: () => void; onSent: () => void }) {
  const [changed, setChanged] = useState<string | null>(null)
  const one = useQuery({
    queryKey: ['reject', space, id],
    queryFn: () => ok(api.GET('/api/spaces/{space}/rejects/{reject}', { params: { path: { space, reject: id } } })),
    staleTime: Infinity,
  })
  const original = pretty(one.data)
  const text = changed ?? original
  const send = useMutation({
    mutationFn: () => ok(api.POST('/api/spaces/{space}/rejects/{reject}/resend', {
      params: { path: { space, reject: id } },
      ...(changed !== null && changed !== original ? { body: JSON.parse(changed) as never } : {}),
    })),
    onSuccess: onSent,
  })
  let fine = true
  try { JSON.parse(text) } catch { fine = false }
  const binary = one.data?.body_base64 !== undefined && one.data.body === undefined
  return (
    <Modal opened onClose={onClose} title={<strong>A refused message</strong>} size="xl" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      {one.error ? <Problem error={one.error} /> : !one.data ? <Loading /> : send.data ? (
        <Stack>
          <Group gap="sm"><IconCircleCheck size={26} color="#14917e" aria-hidden /><Text role="status">{send.data.repeats ? 'It was there already.' : 'It is taken, and counts like any other.'}</Text></Group>
          <Group justify="flex-end"><Button onClick={onClose}>Close</Button></Group>
        </Stack>
      ) : (
        <Stack>
          <Alert color="red" variant="light" title={one.data.code.replaceAll('_', ' ')}>{one.data.message}</Alert>
          <Text size="sm" className="muted">From {one.data.source}, <When at={one.data.received_at} exact />{one.data.endpoint ? `, ${one.data.endpoint}` : ''}</Text>
          {binary ? <Text size="sm">It is no text. It can only be sent as it is.</Text> : (
            <JsonInput label="The message" description="Change what is wrong." value={text} onChange={setChanged} autosize minRows={8} maxRows={24} spellCheck={false} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }} error={fine ? undefined : 'This is not JSON yet'} />
          )}
          {send.error && <Problem error={send.error} title="It is refused again" />}
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>Cancel</Button><Button onClick={() => send.mutate()} loading={send.isPending} disabled={!binary && changed !== null && !fine}>Send again</Button></Group>
        </Stack>
      )}
    </Modal>
  )
}

function pretty(r: Schemas['Reject'] | undefined): string {
  if (!r?.body) return ''
  try {
    return JSON.stringify(JSON.parse(r.body), null, 2)
  } catch {
    return r.body
  }
}
