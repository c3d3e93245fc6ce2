import { Alert, Button, Group, SegmentedControl, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { IconCircleCheck, IconCircleX, IconGitMerge, IconInfoCircle } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { some } from '../../parts/format'
import { Card, Empty, Id, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'
import { eventName } from '../person/Events'
import { DecisionDialog } from './DecisionDialog'
import type { Change } from './decision'
import { complete, IdInput } from './IdInput'

type Asked = { a?: string; b?: string; c?: 'accounts' }

export function Why() {
  const space = useSpace()
  const asked = useSearch({ strict: false }) as Asked
  const go = useNavigate()
  const [a, setA] = useState(asked.a ?? '')
  const [b, setB] = useState(asked.b ?? '')
  useEffect(() => { setA(asked.a ?? ''); setB(asked.b ?? '') }, [asked.a, asked.b])
  const collection = asked.c ?? 'users'
  const [change, setChange] = useState<{ title: string; change: Change } | null>(null)
  const explained = useQuery({
    queryKey: ['explain', space, collection, asked.a, asked.b],
    queryFn: () => ok(api.GET('/api/spaces/{space}/explain', { params: { path: { space }, query: { a: asked.a!, b: asked.b!, collection } } })) as Promise<Schemas['Explanation']>,
    enabled: Boolean(asked.a && asked.b),
  })
  const others = useQuery({
    queryKey: ['profile', space, collection, asked.a],
    queryFn: () => ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}', { params: { path: { space, collection, profile: asked.a! } } })),
    enabled: Boolean(asked.a),
    retry: false,
  })
  const suggest = (others.data?.identifiers ?? []).map((i) => `${i.type}:${i.value}`)
  const e = explained.data
  return (
    <>
      <PageTitle title="Why one person?" text="Pick two identifiers. You see the chain of events that makes them one person, or what keeps them apart, and can decide otherwise." />
      <Stack gap="lg">
        <Card>
          <form onSubmit={(ev) => {
            ev.preventDefault()
            go({ to: '.', search: { a: complete(a), b: complete(b), ...(collection === 'accounts' ? { c: 'accounts' } : {}) } as never })
          }}>
            <Group align="flex-end" gap="sm">
              <IdInput label="This identifier" value={a} onChange={setA} suggest={suggest} />
              <IdInput label="and this one" value={b} onChange={setB} suggest={suggest} />
              <SegmentedControl value={collection} onChange={(v) => go({ to: '.', search: { a: asked.a, b: asked.b, ...(v === 'accounts' ? { c: 'accounts' } : {}) } as never })} data={[{ value: 'users', label: 'People' }, { value: 'accounts', label: 'Accounts' }]} aria-label="People or accounts" />
              <Button type="submit" disabled={!a.trim() || !b.trim()}>Explain</Button>
            </Group>
          </form>
        </Card>
        {!asked.a || !asked.b ? (
          <Card><Empty icon={<IconGitMerge size={40} />} title="Two identifiers, one question">For example a cookie and an email address, or two user IDs that you expected to be one.</Empty></Card>
        ) : explained.error ? <Problem error={explained.error} title="That cannot be explained" /> : !e ? <Card><Loading /></Card> : (
          <>
            <Card>
              <Group gap="sm" wrap="nowrap" align="flex-start">
                {e.together ? <IconCircleCheck size={28} color="#14917e" style={{ flex: 'none' }} aria-hidden /> : <IconCircleX size={28} color="#d6455d" style={{ flex: 'none' }} aria-hidden />}
                <div>
                  <Text fw={600} fz={18}>{e.together ? 'Yes, one person' : 'No, not one person'}</Text>
                  <Text className="muted">{e.says}</Text>
                  {e.provisional && <Text size="sm" className="muted">Work is pending that may still change this.</Text>}
                </div>
              </Group>
              <Group mt="md" gap="xs">
                {e.together && e.why !== 'same' && <Button variant="light" color="red" onClick={() => setChange({ title: 'They are different people', change: { make: { kind: 'cannot_link', ids: [e.a.id, e.b.id], collection } } })}>They are different people…</Button>}
                {!e.together && <Button variant="light" onClick={() => setChange({ title: 'They are the same person', change: { make: { kind: 'same', ids: [e.a.id, e.b.id], collection } } })}>They are the same person…</Button>}
                {[e.a, e.b].filter((x, i) => !x.blocked && (i === 0 || e.a.id !== e.b.id)).map((x) => (
                  <Button key={x.id} variant="default" onClick={() => setChange({ title: 'This identifies nobody', change: { make: { kind: 'isolate', ids: [x.id], collection } } })}>{short(x.id)} identifies nobody…</Button>
                ))}
                {e.a.profile && <Button variant="subtle" component={Link} {...({ to: '/spaces/$space/$collection/$id', params: { space, collection, id: e.a.profile } } as object)}>To the profile</Button>}
              </Group>
            </Card>
            {e.steps.length > 0 && <Card title={e.together ? 'The chain of evidence' : 'The way between them, and where it is cut'}><Chain steps={e.steps} /></Card>}
            {e.blocked_in_common.length > 0 && (
              <Alert variant="light" color="orange" icon={<IconInfoCircle />} title="Seen together only with values that identify nobody"><Group gap={6}>{e.blocked_in_common.map((id) => <Id key={id} id={id} />)}</Group></Alert>
            )}
          </>
        )}
      </Stack>
      {change && <DecisionDialog space={space} {...change} onClose={() => { setChange(null); explained.refetch() }} />}
    </>
  )
}

const short = (id: string) => (id.length > 34 ? id.slice(0, 32) + '…' : id)

function Chain({ steps }: { steps: Schemas['Step'][] }) {
  return (
    <ol style={{ listStyle: 'none', margin: 0, padding: 0 }}>
      {steps.map((s, i) => (
        <li key={i}>
          {i === 0 && <Id id={s.from} />}
          <div style={{ borderLeft: `3px ${s.kept_out.length ? 'dashed #d6455d' : 'solid #4f5ae0'}`, marginLeft: 14, padding: '14px 0 14px 20px' }}>
            {s.kept_out.length ? s.kept_out.map((k, n) => (
              <Stack key={n} gap={4} mb={n < s.kept_out.length - 1 ? 12 : 0}>
                <Text size="sm"><strong>Left out: </strong><Id id={k.id} /></Text>
                <Text size="sm">{k.says}</Text>
                <Text size="sm" className="muted">{eventName({ type: k.event.type, event: k.event.name })}{k.event.app ? ` in ${k.event.app}` : ''}, <When at={k.event.time} exact /></Text>
                {k.had && k.had.length > 0 && <Group gap={6}><Text size="xs" className="muted">It had already</Text>{k.had.slice(0, 8).map((m) => <Id key={m.id} id={m.id} />)}</Group>}
              </Stack>
            )) : (
              <>
                <Text size="sm"><strong>{s.events_at_least ? 'at least ' : ''}{some(s.events, 'event')}</strong> had both, from <When at={s.first.time} /> to <When at={s.last.time} /></Text>
                <Text size="sm" className="muted">First: {eventName({ type: s.first.type, event: s.first.name })}{s.first.app ? ` in ${s.first.app}` : ''}, message <span className="mono">{s.first.message_id}</span>{s.sources.length ? `, from ${s.sources.join(', ')}` : ''}</Text>
              </>
            )}
          </div>
          <Id id={s.to} />
        </li>
      ))}
    </ol>
  )
}
