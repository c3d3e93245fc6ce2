import { Alert, Badge, Button, Group, Modal, Progress, Stack, Tabs, Text, Textarea } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { api, full, ok, type Schemas } from '../../api/client'
import { Card, Code, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'
import { Editor } from './Editor'
import { History } from './History'
import { Simulation } from './Simulation'

export type RulesDoc = Schemas['Rules']

export function Rules() {
  const space = useSpace()
  const { draft: warning } = useSearch({ strict: false }) as { draft?: string }
  const queries = useQueryClient()
  const atWork = useQuery({
    queryKey: ['rules', space],
    queryFn: async () => {
      const { data, response } = await full(api.GET('/api/spaces/{space}/rules', { params: { path: { space } } }))
      return { ...data, etag: response.headers.get('ETag') ?? '' }
    },
    refetchInterval: (q) => (q.state.data?.applying ? 1000 : 15_000),
  })
  const effective = useQuery({
    queryKey: ['rules-effective', space, atWork.data?.version],
    queryFn: () => ok(api.POST('/api/spaces/{space}/rules/check', { params: { path: { space } }, body: atWork.data!.rules })),
    enabled: Boolean(atWork.data),
    staleTime: Infinity,
  })
  const suggested = useQuery({
    queryKey: ['warnings', space, 'open'],
    queryFn: () => ok(api.GET('/api/spaces/{space}/warnings', { params: { path: { space }, query: { limit: 100 } } })),
    enabled: Boolean(warning),
  })
  const [draft, setDraft] = useState<RulesDoc | null>(null)
  const [applying, setApplying] = useState(false)
  const proposal = suggested.data?.data.find((w) => w.id === warning)
  useEffect(() => {
    if (proposal?.rules) setDraft(JSON.parse(proposal.rules) as RulesDoc)
  }, [proposal?.rules])
  if (atWork.error && !atWork.data) return <Problem error={atWork.error} retry={() => atWork.refetch()} />
  if (!atWork.data) return <Card><Loading rows={8} /></Card>
  const w = atWork.data
  const start = effective.data?.effective
  return (
    <>
      <PageTitle title="Rules" text="Which identifiers name a person, in what order they are believed, and how many of each one person may have.">
        {draft && <Button variant="default" onClick={() => setDraft(null)}>Drop the draft</Button>}
        {draft && !w.declared && <Button onClick={() => setApplying(true)}>Apply…</Button>}
      </PageTitle>
      <Stack>
        {w.declared && <Alert variant="light" color="gray">The rules stand in the configuration file and are changed there. You can still try out here what others would do.</Alert>}
        {w.applying && (
          <Alert variant="light" color="iris" title="New rules are being applied" role="status">
            <Text size="sm" mb={8}>What arrives follows them already. What was there follows while events keep coming.</Text>
            {w.progress && w.progress.total > 0 && <Progress value={(100 * w.progress.done) / w.progress.total} aria-label="Progress" />}
          </Alert>
        )}
        {proposal && draft && <Alert variant="light" color="iris" title="A draft that answers a warning">{proposal.says} {proposal.do}</Alert>}
        <Tabs defaultValue="rules" keepMounted={false}>
          <Tabs.List mb="md">
            <Tabs.Tab value="rules">Rules {draft && <Badge size="sm" variant="light" tt="none" ml={4}>draft</Badge>}</Tabs.Tab>
            <Tabs.Tab value="whatif">What if</Tabs.Tab>
            <Tabs.Tab value="history">History</Tabs.Tab>
            <Tabs.Tab value="text">As text</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="rules">
            <Stack>
              <Text size="sm" className="muted">Version {w.version}{w.version > 0 && <>, by {w.set_for || w.set_by}, <When at={w.set_at} /></>}{w.why && `: “${w.why}”`}</Text>
              {!start ? <Card>{effective.error ? <Problem error={effective.error} /> : <Loading rows={6} />}</Card> : <Editor effective={start} rules={draft ?? w.rules} newTypes={w.new_types} onChange={setDraft} />}
            </Stack>
          </Tabs.Panel>
          <Tabs.Panel value="whatif"><Simulation space={space} rules={draft ?? w.rules} isDraft={draft !== null} /></Tabs.Panel>
          <Tabs.Panel value="history"><History space={space} current={w.version} readOnly={w.declared} /></Tabs.Panel>
          <Tabs.Panel value="text"><Code copy>{JSON.stringify(draft ?? w.rules, null, 2)}</Code></Tabs.Panel>
        </Tabs>
      </Stack>
      {applying && draft && (
        <Apply space={space} rules={draft} etag={w.etag} onClose={() => setApplying(false)} onDone={() => {
          setApplying(false)
          setDraft(null)
          queries.invalidateQueries({ queryKey: ['rules', space] })
        }} />
      )}
    </>
  )
}

function Apply({ space, rules, etag, onClose, onDone }: { space: string; rules: RulesDoc; etag: string; onClose: () => void; onDone: () => void }) {
  const [why, setWhy] = useState('')
  const checked = useQuery({
    queryKey: ['rules-check', space, JSON.stringify(rules)],
    queryFn: () => ok(api.POST('/api/spaces/{space}/rules/check', { params: { path: { space } }, body: rules })),
    retry: false,
  })
  const set = useMutation({
    mutationFn: () => ok(api.PUT('/api/spaces/{space}/rules', { params: { path: { space }, query: why.trim() ? { why: why.trim() } : {}, header: { 'If-Match': etag } }, body: rules })),
    onSuccess: onDone,
  })
  return (
    <Modal opened onClose={onClose} title={<strong>Apply these rules</strong>} size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Text size="sm">They hold for what arrives from now on, and everything that is there is decided again in the background. You can go back to an earlier version at any time.</Text>
        {checked.error && <Problem error={checked.error} title="These rules cannot be" />}
        {(checked.data?.remarks ?? []).map((r) => <Alert key={r.where + r.what} color="orange" variant="light" title={r.where}>{r.what}</Alert>)}
        <Textarea label="Why?" value={why} onChange={(e) => setWhy(e.currentTarget.value)} autosize minRows={2} />
        {set.error && <Problem error={set.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>Cancel</Button><Button onClick={() => set.mutate()} loading={set.isPending} disabled={!checked.data}>Apply</Button></Group>
      </Stack>
    </Modal>
  )
}
