import { Alert, Button, Group, Progress, SimpleGrid, Stack, Text } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { IconArrowRight, IconFlask } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { count, lasting, some } from '../../parts/format'
import { Card, Empty, Id, Problem } from '../../parts/parts'

export function Simulation({ space, rules, isDraft }: { space: string; rules: Schemas['Rules']; isDraft: boolean }) {
  const [job, setJob] = useState('')
  const start = useMutation({
    mutationFn: () => ok(api.POST('/api/spaces/{space}/simulations', { params: { path: { space } }, body: rules })) as Promise<Schemas['Simulation']>,
    onSuccess: (s) => setJob(s.id),
  })
  const run = useQuery({
    queryKey: ['simulation', space, job],
    queryFn: () => ok(api.GET('/api/spaces/{space}/simulations/{simulation}', { params: { path: { space, simulation: job } } })),
    enabled: job !== '',
    refetchInterval: (q) => (q.state.data && q.state.data.state !== 'running' ? false : 300),
  })
  const cancel = useMutation({ mutationFn: () => ok(api.DELETE('/api/spaces/{space}/simulations/{simulation}', { params: { path: { space, simulation: job } } })), onSuccess: () => setJob('') })
  const s = run.data
  return (
    <Stack>
      <Card>
        <Group justify="space-between">
          <Text size="sm" maw="60ch">{isDraft ? 'Try your draft on everything that ever arrived, and see who would change.' : 'Change something under “Rules”, and see here who would change. Nothing is written.'}</Text>
          <Group gap="xs">
            {s?.state === 'running' && <Button variant="default" onClick={() => cancel.mutate()}>Stop</Button>}
            <Button onClick={() => start.mutate()} loading={start.isPending || s?.state === 'running'} leftSection={<IconFlask size={17} />}>What if?</Button>
          </Group>
        </Group>
        {s?.state === 'running' && <Stack gap={4} mt="md"><Progress value={s.progress && s.progress.total ? (100 * s.progress.done) / s.progress.total : 3} animated aria-label="Progress" /><Text size="xs" className="muted">{s.progress?.stage ?? 'beginning'}</Text></Stack>}
      </Card>
      {start.error && <Problem error={start.error} title="These rules cannot be tried" />}
      {run.error && <Problem error={run.error} />}
      {s?.state === 'failed' && <Problem error={new Error(s.error ?? 'It failed.')} />}
      {s?.report && <Report report={s.report} />}
      {!job && !start.error && <Card><Empty icon={<IconFlask size={40} />} title="Nothing tried yet" /></Card>}
    </Stack>
  )
}

function Report({ report: r }: { report: Schemas['SimulationReport'] }) {
  return (
    <Stack>
      <Text size="sm" className="muted">{some(r.strands, 'set', 'sets')} of identifiers decided again in {r.took_ms < 1000 ? `${r.took_ms} ms` : lasting(r.took_ms)}.</Text>
      {r.users && <Part title="People" one="person" many="people" c={r.users} />}
      {r.accounts && <Part title="Accounts" one="account" many="accounts" c={r.accounts} />}
    </Stack>
  )
}

function Part({ title, one, many, c }: { title: string; one: string; many: string; c: Schemas['SimulatedCollection'] }) {
  const changes = c.split + c.merged + c.losing + c.gaining
  return (
    <>
      <Card title={title}>
        <SimpleGrid cols={{ base: 2, sm: 4 }}>
          <Figure value={`${count(c.before.profiles)} → ${count(c.after.profiles)}`} label={many} />
          <Figure value={count(c.same)} label="stay as they are" />
          <Figure value={count(c.split)} label="come apart" />
          <Figure value={count(c.merged)} label="become part of another" />
        </SimpleGrid>
        {changes === 0 && <Alert mt="md" variant="light" color="teal">Nobody would change.</Alert>}
        {c.suspects.length > 0 && (
          <div style={{ marginTop: 16 }}>
            <Text size="sm" className="muted" mb={6}>Values that unusually many share:</Text>
            <Group gap={8}>{c.suspects.slice(0, 10).map((x) => <span key={x.id} title={`${x.strands} sets of identifiers; ${x.pieces_if_blocked} pieces if blocked`}><Id id={x.id} /></span>)}</Group>
          </div>
        )}
      </Card>
      {c.sample.length > 0 && (
        <Card title={`Who would change: ${c.sample.length === 1 ? `one ${one}` : `${c.sample.length} examples`}`}>
          <Stack gap="lg">
            {c.sample.map((a, i) => (
              <SimpleGrid key={i} cols={{ base: 1, sm: 2 }} spacing="lg" style={{ borderTop: i ? '1px solid var(--line)' : undefined, paddingTop: i ? 16 : 0 }}>
                <Side title="Now" list={a.before} />
                <Side title="Then" list={a.after} arrow />
              </SimpleGrid>
            ))}
          </Stack>
        </Card>
      )}
    </>
  )
}

function Figure({ value, label }: { value: string; label: string }) {
  return <div><Text fw={650} fz={20} className="num">{value}</Text><Text size="sm" className="muted">{label}</Text></div>
}

function Side({ title, list, arrow }: { title: string; list: Schemas['SimulatedProfile'][]; arrow?: boolean }) {
  return (
    <div>
      <Group gap={6} mb={6}>{arrow && <IconArrowRight size={15} aria-hidden />}<Text size="sm" className="muted">{title}</Text></Group>
      <Stack gap={8}>{list.map((p, i) => <div key={i} className="card" style={{ padding: 10 }}><Group gap={6}>{p.ids.map((id) => <Id key={id} id={id} />)}{p.id_count > p.ids.length && <Text size="xs" className="muted">and {p.id_count - p.ids.length} more</Text>}</Group></div>)}</Stack>
    </div>
  )
}
