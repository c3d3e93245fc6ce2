import { Alert, Badge, Button, Group, Modal, SimpleGrid, Stack, Tabs, Text, TextInput, UnstyledButton } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { IconCircleCheck, IconSend } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { count, text } from '../../parts/format'
import { Personal } from '../../parts/mask'
import { Card, Code, Empty, Id, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'
import { Apply, title } from '../audiences/Audiences'
import { readDefinitions } from '../audiences/document'
import { AddDestination } from './AddDestination'

type Destination = Schemas['Destination']

const states: Record<Destination['state'], [string, string]> = {
  working: ['Working', 'teal'], starting: ['Starting', 'blue'], behind: ['Behind', 'orange'], stopped: ['Stopped', 'red'], disabled: ['Disabled', 'gray'],
}

export function Destinations() {
  const space = useSpace()
  const queries = useQueryClient()
  const [opened, setOpened] = useState<string | null>(null)
  const [adding, setAdding] = useState(false)
  const [applying, setApplying] = useState<string | null>(null)
  const list = useQuery({
    queryKey: ['destinations', space],
    queryFn: () => ok(api.GET('/api/spaces/{space}/destinations', { params: { path: { space }, query: { limit: 100 } } })),
    refetchInterval: 3_000,
  })
  const definitions = useQuery({ queryKey: ['definitions', space], queryFn: () => readDefinitions(space) })
  const d = definitions.data
  return (
    <>
      <PageTitle title="Destinations" text="Where others are told: who enters and leaves an audience, what is computed, mails. Each is told once, and catches up by itself.">
        {d && !d.declared && <Button onClick={() => setAdding(true)}>Add a destination</Button>}
      </PageTitle>
      {list.error && !list.data ? <Problem error={list.error} retry={() => list.refetch()} /> : !list.data ? <Card><Loading /></Card> : list.data.data.length === 0 ? (
        <Card><Empty icon={<IconSend size={40} />} title="Nobody is told yet">A webhook, mails through your own server, a file, or another tool.</Empty></Card>
      ) : (
        <SimpleGrid cols={{ base: 1, md: 2 }}>
          {list.data.data.map((x) => (
            <UnstyledButton key={x.key} className="card hover" style={{ padding: 18 }} onClick={() => setOpened(x.key)}>
              <Group justify="space-between"><Text fw={600} fz={17}>{x.name || title(x.key)}</Text><Badge variant="light" color={states[x.state][1]} tt="none">{states[x.state][0]}</Badge></Group>
              <Text size="sm" className="muted">{x.type}{x.last_delivered && <>, last delivered <When at={x.last_delivered} relative /></>}</Text>
              {x.stopped && <Text size="sm" mt={6}>{x.stopped}</Text>}
              <Group gap="lg" mt="sm"><Figure n={x.delivered} what="delivered" /><Figure n={x.queued} what="waiting" /><Figure n={x.dead_letters} what="not delivered" /></Group>
            </UnstyledButton>
          ))}
        </SimpleGrid>
      )}
      {opened && <One space={space} id={opened} onClose={() => setOpened(null)} />}
      {adding && d && <AddDestination document={d.document} onClose={() => setAdding(false)} onApply={(t) => { setAdding(false); setApplying(t) }} />}
      {applying !== null && d && <Apply space={space} text={applying} etag={d.etag} onClose={() => setApplying(null)} onDone={() => { setApplying(null); queries.invalidateQueries({ queryKey: ['definitions', space] }); queries.invalidateQueries({ queryKey: ['destinations', space] }) }} />}
    </>
  )
}

function Figure({ n, what }: { n: number; what: string }) {
  return <span><Text span fw={650} className="num">{count(n)}</Text> <Text span size="sm" className="muted">{what}</Text></span>
}

function One({ space, id, onClose }: { space: string; id: string; onClose: () => void }) {
  const queries = useQueryClient()
  const path = { space, destination: id }
  const [to, setTo] = useState('')
  const one = useQuery({ queryKey: ['destination', space, id], queryFn: () => ok(api.GET('/api/spaces/{space}/destinations/{destination}', { params: { path } })), refetchInterval: 2_000 })
  const enable = useMutation({ mutationFn: () => ok(api.POST('/api/spaces/{space}/destinations/{destination}/enable', { params: { path } })), onSuccess: () => queries.invalidateQueries({ queryKey: ['destination', space, id] }) })
  const test = useMutation({ mutationFn: () => ok(api.POST('/api/spaces/{space}/destinations/{destination}/test', { params: { path }, body: to ? { to } : {} })) })
  const x = one.data
  return (
    <Modal opened onClose={onClose} title={<strong>{x?.name || title(id)}</strong>} size="xl" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      {one.error && !x ? <Problem error={one.error} /> : !x ? <Loading /> : (
        <Stack>
          {x.state === 'stopped' && <Alert color="red" variant="light" title="It was stopped"><Text size="sm">{x.stopped}</Text><Button size="xs" mt="sm" onClick={() => enable.mutate()} loading={enable.isPending}>Let it go on</Button></Alert>}
          <SimpleGrid cols={{ base: 2, sm: 4 }}>
            <Figure n={x.delivered} what="delivered" /><Figure n={x.queued} what="waiting" /><Figure n={x.refused} what="refused" /><Figure n={x.dropped} what="not sent for a reason" />
            <Figure n={x.unknown} what="perhaps delivered" /><Figure n={x.replaced} what="overtaken by newer" /><Figure n={x.failures} what="tries failed" />
          </SimpleGrid>
          {x.last_reason && <Text size="sm" className="muted">Last failure <When at={x.last_failed} relative />: {x.last_reason}</Text>}
          <Group align="flex-end" gap="sm">
            {x.type === 'email' && <TextInput label="Send a test to" placeholder="you@example.com" value={to} onChange={(e) => setTo(e.currentTarget.value)} w={260} />}
            <Button variant="light" onClick={() => test.mutate()} loading={test.isPending} disabled={x.type === 'email' && !to.trim()}>Send a test</Button>
            {test.data && <Text size="sm" role="status">{test.data.delivered ? 'Delivered.' : `Not delivered: ${test.data.reason ?? ''}`}</Text>}
          </Group>
          {test.error && <Problem error={test.error} />}
          <Tabs defaultValue="preview" keepMounted={false}>
            <Tabs.List mb="sm"><Tabs.Tab value="preview">Whom and what</Tabs.Tab><Tabs.Tab value="queue">Waiting</Tabs.Tab><Tabs.Tab value="dead">Not delivered</Tabs.Tab><Tabs.Tab value="definition">Definition</Tabs.Tab></Tabs.List>
            <Tabs.Panel value="preview"><Previews space={space} id={id} /></Tabs.Panel>
            <Tabs.Panel value="queue"><Deliveries space={space} id={id} dead={false} /></Tabs.Panel>
            <Tabs.Panel value="dead"><Deliveries space={space} id={id} dead /></Tabs.Panel>
            <Tabs.Panel value="definition"><Code wrap>{x.definition}</Code></Tabs.Panel>
          </Tabs>
        </Stack>
      )}
    </Modal>
  )
}

const said: Record<string, string> = { audience_entered: 'entered', audience_exited: 'left', trait_set: 'is now', trait_removed: 'has no', profiles_merged: 'profiles became one', profiles_unmerged: 'taken apart', event: 'event' }

function Message({ space, m }: { space: string; m: Schemas['DeliveryMessage'] }) {
  return (
    <Group gap={8}>
      {m.identifier && <Id id={m.identifier} />}
      <Text size="sm">{said[m.type] ?? m.type} {m.key && <strong>{title(m.key)}</strong>}{m.value !== undefined && m.type === 'trait_set' && <>: <Personal>{text(m.value)}</Personal></>}{m.mail && <> · mail {title(m.mail)}</>}</Text>
      {m.profile && <Link className="link" style={{ fontSize: 13 }} to="/spaces/$space/$collection/$id" params={{ space, collection: m.profile.startsWith('acc_') ? 'accounts' : 'users', id: m.profile }}>profile</Link>}
    </Group>
  )
}

function Previews({ space, id }: { space: string; id: string }) {
  const [open, setOpen] = useState<number | null>(null)
  const list = useQuery({
    queryKey: ['dry-run', space, id],
    queryFn: () => ok(api.GET('/api/spaces/{space}/destinations/{destination}/dry-run', { params: { path: { space, destination: id }, query: { limit: 20 } } })),
  })
  if (list.error) return <Problem error={list.error} retry={() => list.refetch()} />
  if (!list.data) return <Loading />
  if (list.data.data.length === 0) return <Empty title="Nobody would be told anything now" />
  return (
    <Stack gap={0}>
      <Text size="sm" className="muted" mb={6}>What it would say if nothing had been said before. Nothing is sent.</Text>
      {list.data.data.map((p, i) => (
        <div key={i} style={{ borderTop: '1px solid var(--line)', padding: '10px 0' }}>
          <Group justify="space-between">
            <Message space={space} m={p.message} />
            <Group gap="xs">{p.withheld && <Badge variant="light" color="orange" tt="none" title={p.withheld}>would wait: {p.withheld}</Badge>}{p.body && <Button size="xs" variant="subtle" onClick={() => setOpen(open === i ? null : i)} aria-expanded={open === i}>{p.subject ? 'Mail' : 'Body'}</Button>}</Group>
          </Group>
          {open === i && <Stack gap={6} mt={8}>{p.to && <Text size="sm">To <Personal>{p.to}</Personal></Text>}{p.subject && <Text size="sm" fw={600}>{p.subject}</Text>}<Code wrap>{p.body ?? ''}</Code></Stack>}
        </div>
      ))}
    </Stack>
  )
}

function Deliveries({ space, id, dead }: { space: string; id: string; dead: boolean }) {
  const queries = useQueryClient()
  const path = { space, destination: id }
  const pages = useInfiniteQuery({
    queryKey: ['deliveries', space, id, dead],
    queryFn: ({ pageParam }) => {
      const params = { path, query: { limit: 50, ...(pageParam ? { next: pageParam } : {}) } }
      return dead ? ok(api.GET('/api/spaces/{space}/destinations/{destination}/dead-letters', { params })) : ok(api.GET('/api/spaces/{space}/destinations/{destination}/queue', { params }))
    },
    initialPageParam: '',
    getNextPageParam: (p) => (p.cursor.has_more ? p.cursor.next : undefined),
    refetchInterval: 3_000,
  })
  const again = () => queries.invalidateQueries({ queryKey: ['deliveries', space, id] })
  const retry = useMutation({ mutationFn: (numbers: number[]) => ok(api.POST('/api/spaces/{space}/destinations/{destination}/dead-letters/retry', { params: { path }, body: { numbers } })), onSuccess: again })
  const discard = useMutation({ mutationFn: (numbers: number[]) => ok(api.POST('/api/spaces/{space}/destinations/{destination}/dead-letters/discard', { params: { path }, body: { numbers } })), onSuccess: again })
  const list = pages.data?.pages.flatMap((p) => p.data)
  if (pages.error && !list) return <Problem error={pages.error} retry={() => pages.refetch()} />
  if (!list) return <Loading />
  if (list.length === 0) return <Empty icon={<IconCircleCheck size={34} color="#14917e" />} title={dead ? 'Everything was delivered' : 'Nothing waits'} />
  return (
    <Stack gap={0}>
      {dead && <Group justify="flex-end" mb={6}><Button size="xs" onClick={() => retry.mutate(list.map((x) => x.number))} loading={retry.isPending}>Send all again</Button></Group>}
      {(retry.error ?? discard.error) && <Problem error={retry.error ?? discard.error} />}
      {list.map((x) => (
        <Group key={x.number} justify="space-between" style={{ borderTop: '1px solid var(--line)', padding: '10px 0' }}>
          <div><Message space={space} m={x.message} /><Text size="sm" className="muted">{x.reason}{x.tries > 0 && ` (${x.tries} tries)`}{x.next && <> next try <When at={x.next} relative /></>}</Text></div>
          {dead && <Group gap={6}><Button size="xs" variant="default" onClick={() => retry.mutate([x.number])}>Send again</Button><Button size="xs" variant="subtle" color="red" onClick={() => discard.mutate([x.number])}>Discard</Button></Group>}
        </Group>
      ))}
      {pages.hasNextPage && <Button variant="default" mt="sm" onClick={() => pages.fetchNextPage()}>Show more</Button>}
    </Stack>
  )
}
