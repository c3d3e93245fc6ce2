import { Alert, Badge, Button, Group, Modal, Progress, SimpleGrid, Stack, Tabs, Text, Textarea, UnstyledButton } from '@mantine/core'
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { IconUsersGroup } from '@tabler/icons-react'
import { lazy, Suspense, useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { count, some } from '../../parts/format'
import { Card, Code, Empty, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'
import { audienceOf, checkDefinitions, readDefinitions, setDefinitions, traitOf } from './document'
import { Named } from './Named'
import { TraitBuilder } from './TraitBuilder'

const AudienceBuilder = lazy(() => import('./builder/AudienceBuilder'))

type Definition = Schemas['Definition']
export type Editing = { section: 'traits' | 'audiences'; key: string | null }

export function Audiences() {
  const space = useSpace()
  const queries = useQueryClient()
  const [editing, setEditing] = useState<Editing | null>(null)
  const [members, setMembers] = useState<Definition | null>(null)
  const [applying, setApplying] = useState<string | null>(null)
  const all = useQuery({ queryKey: ['definitions', space], queryFn: () => readDefinitions(space), refetchInterval: (q) => (q.state.data?.progress ? 1000 : 5_000) })
  if (all.error && !all.data) return <Problem error={all.error} retry={() => all.refetch()} />
  if (!all.data) return <Card><Loading rows={6} /></Card>
  const d = all.data
  const audiences = d.definitions.filter((x) => x.kind === 'audience')
  const traits = d.definitions.filter((x) => x.kind === 'trait')
  return (
    <>
      <PageTitle title="Audiences" text="Groups of people, and what is computed about each person. They follow every event within a second, and were computed over all of history before they say anything.">
        {!d.declared && <><Button variant="default" onClick={() => setEditing({ section: 'traits', key: null })}>New computed trait</Button><Button onClick={() => setEditing({ section: 'audiences', key: null })}>New audience</Button></>}
      </PageTitle>
      <Stack>
        {d.declared && <Alert variant="light" color="gray">These definitions stand in the configuration file and are changed there.</Alert>}
        {d.progress && (
          <Alert variant="light" color="iris" title="Being computed over all of history" role="status">
            <Progress value={d.progress.total ? (100 * d.progress.done) / d.progress.total : 2} animated aria-label="Progress" mb={6} />
            <Text size="sm">{count(d.progress.done)} of {count(d.progress.total)} {d.progress.stage === 'rows' ? 'events' : 'people'}</Text>
          </Alert>
        )}
        <Tabs defaultValue="audiences" keepMounted={false}>
          <Tabs.List mb="md">
            <Tabs.Tab value="audiences">Audiences</Tabs.Tab>
            <Tabs.Tab value="traits">Computed traits</Tabs.Tab>
            <Tabs.Tab value="text">As text</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="audiences">
            {audiences.length === 0 ? (
              <Card><Empty icon={<IconUsersGroup size={40} />} title="No audiences yet">For example those who left something in the cart, or who need new shoes.</Empty></Card>
            ) : (
              <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
                {audiences.map((a) => (
                  <div key={a.key} className="card" style={{ padding: 18 }}>
                    <UnstyledButton onClick={() => setMembers(a)} style={{ width: '100%' }}>
                      <Text fw={650} fz={26} className="num" lh={1.1}>{a.complete && a.members !== undefined ? count(a.members) : '…'}</Text>
                      <Text fw={600} mt={4}>{a.name || title(a.key)}</Text>
                      <Text size="sm" className="muted">{a.collection === 'accounts' ? 'accounts' : a.members === 1 ? 'person' : 'people'}{a.as_of && <>, as of <When at={a.as_of} relative /></>}</Text>
                      {a.description && <Text size="sm" mt={6}>{a.description}</Text>}
                    </UnstyledButton>
                    <Group justify="space-between" mt="sm">
                      <Group gap={6}>{!a.complete && <Badge variant="light" color="iris" tt="none">being computed</Badge>}{a.disabled && <Badge variant="light" color="gray" tt="none">disabled</Badge>}</Group>
                      {!d.declared && <Button size="xs" variant="subtle" onClick={() => setEditing({ section: 'audiences', key: a.key })}>Edit</Button>}
                    </Group>
                  </div>
                ))}
              </SimpleGrid>
            )}
          </Tabs.Panel>
          <Tabs.Panel value="traits">
            <Card pad={false}>
              {traits.length === 0 ? <Empty title="No computed traits yet">Such as orders, revenue, or miles since the last shoes.</Empty> : (
                <table className="rows">
                  <thead><tr><th>Trait</th><th>What it is</th><th>State</th><th /></tr></thead>
                  <tbody>
                    {traits.map((t) => (
                      <tr key={t.key}>
                        <td style={{ fontWeight: 550 }}>{t.name || title(t.key)}<div className="muted mono">{t.key}</div></td>
                        <td className="wide">{t.description || says(traitOf(d.document, t.key))}</td>
                        <td>{t.disabled ? 'disabled' : t.complete ? 'up to date' : 'being computed'}</td>
                        <td style={{ textAlign: 'right' }}>{!d.declared && <Button size="xs" variant="subtle" onClick={() => setEditing({ section: 'traits', key: t.key })}>Edit</Button>}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              )}
            </Card>
          </Tabs.Panel>
          <Tabs.Panel value="text"><TextEditor key={d.revision} document={d.document} readOnly={d.declared} onApply={setApplying} /></Tabs.Panel>
        </Tabs>
      </Stack>
      {editing?.section === 'audiences' && <Suspense fallback={null}><AudienceBuilder space={space} document={d.document} definitions={d.definitions} editing={editing.key} onClose={() => setEditing(null)} onApply={(t) => { setEditing(null); setApplying(t) }} /></Suspense>}
      {editing?.section === 'traits' && <TraitBuilder space={space} document={d.document} editing={editing.key} onClose={() => setEditing(null)} onApply={(t) => { setEditing(null); setApplying(t) }} />}
      {applying !== null && <Apply space={space} text={applying} etag={d.etag} onClose={() => setApplying(null)} onDone={() => { setApplying(null); queries.invalidateQueries({ queryKey: ['definitions', space] }) }} />}
      {members && <Members space={space} audience={members} when={audienceOf(d.document, members.key)?.when} onClose={() => setMembers(null)} />}
    </>
  )
}

export const title = (key: string) => (key.charAt(0).toUpperCase() + key.slice(1)).replaceAll('_', ' ')

function says(t: ReturnType<typeof traitOf>): string {
  if (!t) return ''
  const event = Array.isArray(t.event) ? t.event.join(', ') : (t.event ?? '')
  const what: Record<string, string> = { count: 'how often', sum: 'the sum', average: 'the average', minimum: 'the least', maximum: 'the most', first: 'the first', last: 'the last', most_frequent: 'the most frequent', unique_list: 'all', unique_count: 'how many different', since: 'since the last', unmatched: 'without its counterpart', funnel: 'from step to step' }
  return [what[t.kind] ?? t.kind, t.property ? String(t.property).replace(/^properties\./, '') : '', event ? `of ${event}` : '', t.window ? `in ${typeof t.window === 'string' ? t.window : 'sessions'}` : ''].filter(Boolean).join(' ')
}

function TextEditor({ document, readOnly, onApply }: { document: string; readOnly: boolean; onApply: (t: string) => void }) {
  const [text, setText] = useState(document)
  if (readOnly) return <Code copy>{document}</Code>
  return (
    <Stack>
      <Textarea label="All definitions" description="YAML, with conditions in CEL. What you write here stays as you wrote it." value={text} onChange={(e) => setText(e.currentTarget.value)} autosize minRows={12} maxRows={40} spellCheck={false} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }} />
      <Group justify="flex-end"><Button variant="default" disabled={text === document} onClick={() => setText(document)}>Undo my changes</Button><Button disabled={text === document} onClick={() => onApply(text)}>See what changes…</Button></Group>
    </Stack>
  )
}

export function Apply({ space, text, etag, onClose, onDone }: { space: string; text: string; etag: string; onClose: () => void; onDone: () => void }) {
  const [why, setWhy] = useState('')
  const checked = useQuery({ queryKey: ['check-definitions', space, text], queryFn: () => checkDefinitions(space, text), retry: false, gcTime: 0 })
  const set = useMutation({ mutationFn: () => setDefinitions(space, text, etag, why.trim()), onSuccess: onDone })
  const c = checked.data
  const lines: [string, string[]][] = c ? [['New', c.added], ['Changed, and computed over all of history again', c.changed], ['Described otherwise', c.described], ['Disabled', c.disabled], ['Enabled', c.enabled], ['Removed for good', c.removed],
    ['New destinations', c.destinations.added], ['Changed destinations', c.destinations.changed], ['Removed destinations, with all that is kept of them', c.destinations.removed]] : []
  const any = lines.some(([, l]) => l.length > 0)
  return (
    <Modal opened onClose={onClose} title={<strong>What changes</strong>} size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        {checked.error ? <Problem error={checked.error} title="This is not right yet" /> : !c ? <Loading rows={3} /> : (
          <>
            {any ? lines.filter(([, l]) => l.length).map(([what, l]) => <div key={what}><Text size="sm" className="muted">{what}</Text><Group gap={6} mt={4}>{l.map((k) => <Badge key={k} variant="light" color={what.startsWith('Removed') ? 'red' : 'iris'} tt="none" size="lg">{k}</Badge>)}</Group></div>) : <Text size="sm">Nothing.</Text>}
            <Textarea label="Why?" value={why} onChange={(e) => setWhy(e.currentTarget.value)} autosize minRows={2} />
          </>
        )}
        {set.error && <Problem error={set.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>Cancel</Button><Button onClick={() => set.mutate()} loading={set.isPending} disabled={!c}>Apply</Button></Group>
      </Stack>
    </Modal>
  )
}

function Members({ space, audience, when, onClose }: { space: string; audience: Definition; when: string | undefined; onClose: () => void }) {
  const pages = useInfiniteQuery({
    queryKey: ['members', space, audience.key],
    queryFn: ({ pageParam }) => ok(api.GET('/api/spaces/{space}/audiences/{audience}/members', { params: { path: { space, audience: audience.key }, query: { limit: 50, ...(pageParam ? { next: pageParam } : {}) } } })),
    initialPageParam: '',
    getNextPageParam: (p) => (p.cursor.has_more ? p.cursor.next : undefined),
  })
  const list = pages.data?.pages.flatMap((p) => p.data)
  const a = pages.data?.pages[0]?.audience
  return (
    <Modal opened onClose={onClose} title={<strong>{audience.name || title(audience.key)}</strong>} size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        {when && <Code wrap>{when}</Code>}
        {pages.error ? <Problem error={pages.error} /> : !list ? <Loading rows={4} /> : list.length === 0 ? <Empty title="Nobody is in it now" /> : (
          <>
            <Text size="sm" className="muted">{a?.members !== undefined && some(a.members, a.collection === 'accounts' ? 'account' : 'person', a.collection === 'accounts' ? 'accounts' : 'people')}{a?.as_of && <> as of <When at={a.as_of} exact /></>}</Text>
            <table className="rows">
              <thead><tr><th>Who</th><th>Since</th></tr></thead>
              <tbody>{list.map((m) => <tr key={m.id}><td><Link className="link mono" to="/spaces/$space/$collection/$id" params={{ space, collection: audience.collection, id: m.id }}><Named space={space} collection={audience.collection} id={m.id} /></Link></td><td><When at={m.since} /></td></tr>)}</tbody>
            </table>
            {pages.hasNextPage && <Button variant="default" onClick={() => pages.fetchNextPage()} loading={pages.isFetchingNextPage}>Show more</Button>}
          </>
        )}
      </Stack>
    </Modal>
  )
}
