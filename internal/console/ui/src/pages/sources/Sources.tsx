import { Alert, Badge, Button, Group, Modal, Select, Stack, Tabs, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconKey, IconPlugConnected } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { count, some } from '../../parts/format'
import { Card, Code, Empty, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'
import { Secret } from '../settings/Settings'
import { snippets } from './snippets'

type Source = Schemas['CountedSource']

export function Sources() {
  const space = useSpace()
  const queries = useQueryClient()
  const [adding, setAdding] = useState(false)
  const [rotating, setRotating] = useState<Source | null>(null)
  const [made, setMade] = useState<Schemas['SourceWithKey'] | null>(null)
  const [shown, setShown] = useState<string | null>(null)
  const list = useQuery({ queryKey: ['sources', space], queryFn: () => ok(api.GET('/api/spaces/{space}/sources', { params: { path: { space }, query: { limit: 200 } } })), refetchInterval: 10_000 })
  const again = () => queries.invalidateQueries({ queryKey: ['sources', space] })
  const retire = useMutation({
    mutationFn: (source: string) => ok(api.POST('/api/spaces/{space}/sources/{source}/retire', { params: { path: { space, source } } })),
    onSuccess: again,
  })
  return (
    <>
      <PageTitle title="Sources" text="Apps and sites that send events. Each has a write key, which may stand in an app that everybody can read: it can only send.">
        <Button onClick={() => setAdding(true)}>Add a source</Button>
      </PageTitle>
      <Stack>
        {retire.error && <Problem error={retire.error} />}
        {list.error && !list.data ? <Problem error={list.error} retry={() => list.refetch()} /> : !list.data ? <Card><Loading /></Card> : list.data.data.length === 0 ? (
          <Card><Empty icon={<IconPlugConnected size={40} />} title="No sources yet">Add one, and paste its write key into your app.</Empty></Card>
        ) : list.data.data.map((s) => (
          <Card key={s.id}>
            <Group justify="space-between" align="flex-start">
              <div style={{ flex: '1 1 280px' }}>
                <Group gap="sm"><Text fw={600} fz={17}>{s.name || s.id}</Text>{s.declared && <Badge variant="light" color="gray" tt="none">in the configuration</Badge>}</Group>
                <Text size="sm" className="muted">{count(s.events)} events{s.last_event_at ? <>, the last <When at={s.last_event_at} relative /></> : ', none yet'}</Text>
                <Text size="sm" className="muted">Write key <span className="mono">{s.write_key_prefix}…</span>, since <When at={s.write_key_created_at} /></Text>
                {(s.former_keys ?? []).map((k) => <Text key={k.write_key_prefix} size="sm" className="muted">The former key <span className="mono">{k.write_key_prefix}…</span> is taken until <When at={k.until} /></Text>)}
              </div>
              <Group gap="xs">
                <Button variant="light" size="xs" onClick={() => setShown(shown === s.id ? null : s.id)} aria-expanded={shown === s.id}>How to send</Button>
                {!s.declared && <Button variant="default" size="xs" onClick={() => setRotating(s)}>New key…</Button>}
                {(s.former_keys ?? []).length > 0 && <Button variant="default" size="xs" onClick={() => retire.mutate(s.id)} loading={retire.isPending}>End former keys</Button>}
              </Group>
            </Group>
            {shown === s.id && <div style={{ marginTop: 16 }}><Snippets writeKey={s.write_key_prefix + '…'} /></div>}
          </Card>
        ))}
        <Unknown />
      </Stack>
      {adding && <Add space={space} onClose={() => setAdding(false)} onMade={(s) => { setAdding(false); setMade(s); again() }} />}
      {rotating && <Rotate space={space} source={rotating} onClose={() => setRotating(null)} onMade={(s) => { setRotating(null); setMade(s); again() }} />}
      <Secret title={`The write key of ${made?.name || made?.id || ''}`} value={made?.write_key} onClose={() => setMade(null)}>
        {made && <Snippets writeKey={made.write_key} />}
      </Secret>
    </>
  )
}

export function Snippets({ writeKey }: { writeKey: string }) {
  return (
    <Tabs defaultValue="Browser" keepMounted={false}>
      <Tabs.List mb="sm" style={{ flexWrap: 'nowrap', overflowX: 'auto', overflowY: 'hidden' }}>{snippets.map((s) => <Tabs.Tab key={s.name} value={s.name}>{s.name}</Tabs.Tab>)}</Tabs.List>
      {snippets.map((s) => (
        <Tabs.Panel key={s.name} value={s.name}>
          <Text size="sm" className="muted" mb={6}>{s.about}</Text>
          <Code copy>{s.text(location.origin, writeKey)}</Code>
        </Tabs.Panel>
      ))}
    </Tabs>
  )
}

function Add({ space, onClose, onMade }: { space: string; onClose: () => void; onMade: (s: Schemas['SourceWithKey']) => void }) {
  const [name, setName] = useState('')
  const [id, setId] = useState('')
  const proposed = id || name.toLowerCase().normalize('NFKD').replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '')
  const make = useMutation({
    mutationFn: () => ok(api.POST('/api/spaces/{space}/sources', { params: { path: { space } }, body: { id: proposed, name: name.trim() } })),
    onSuccess: onMade,
  })
  return (
    <Modal opened onClose={onClose} title={<strong>Add a source</strong>} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={(e) => { e.preventDefault(); make.mutate() }}>
        <Stack>
          <TextInput label="Name" placeholder="Web shop" value={name} onChange={(e) => setName(e.currentTarget.value)} data-autofocus required />
          <TextInput label="ID" description="Stands with its events for ever." value={proposed} onChange={(e) => setId(e.currentTarget.value)} required />
          {make.error && <Problem error={make.error} />}
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>Cancel</Button><Button type="submit" loading={make.isPending} disabled={!proposed}>Add it</Button></Group>
        </Stack>
      </form>
    </Modal>
  )
}

function Rotate({ space, source, onClose, onMade }: { space: string; source: Source; onClose: () => void; onMade: (s: Schemas['SourceWithKey']) => void }) {
  const [grace, setGrace] = useState<string | null>('30d')
  const rotate = useMutation({
    mutationFn: () => ok(api.POST('/api/spaces/{space}/sources/{source}/rotate', { params: { path: { space, source: source.id }, query: { grace: grace ?? '0s' } } })),
    onSuccess: onMade,
  })
  return (
    <Modal opened onClose={onClose} title={<strong>A new write key for {source.name || source.id}</strong>} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Select label="The present key is taken" value={grace} onChange={setGrace} allowDeselect={false} data={[
          { value: '0s', label: 'no longer: it has leaked' }, { value: '1d', label: 'for one more day' }, { value: '30d', label: 'for 30 more days' }, { value: '365d', label: 'for one more year' },
        ]} />
        {grace === '0s' && <Alert color="orange" variant="light">Apps that still have the old key are refused at once.</Alert>}
        {rotate.error && <Problem error={rotate.error} />}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>Cancel</Button><Button onClick={() => rotate.mutate()} loading={rotate.isPending}>Make a new key</Button></Group>
      </Stack>
    </Modal>
  )
}

function Unknown() {
  const queries = useQueryClient()
  const list = useQuery({ queryKey: ['unknown-keys'], queryFn: () => ok(api.GET('/api/unknown-keys')) })
  const forget = useMutation({
    mutationFn: () => ok(api.DELETE('/api/unknown-keys')),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['unknown-keys'] }),
  })
  if (!list.data || list.data.data.length === 0) return null
  return (
    <Card pad={false} title={<Group gap={8}><IconKey size={18} aria-hidden />Unknown write keys</Group>} aside={<Button size="xs" variant="default" onClick={() => forget.mutate()} loading={forget.isPending}>Empty the list</Button>}>
      <Text size="sm" className="muted" px={18} pb="sm">{some(list.data.data.length, 'sender')} used a write key that belongs to no source. What they sent was refused.</Text>
      <table className="rows">
        <thead><tr><th>Key</th><th>From</th><th>SDK</th><th>Requests</th><th>Last</th></tr></thead>
        <tbody>
          {list.data.data.map((k, i) => (
            <tr key={i}><td className="mono">{k.key ? k.key + '…' : 'none'}{k.source && <div className="muted" style={{ fontFamily: 'inherit' }}>a former key of {k.source}</div>}</td><td className="mono">{k.address}</td><td>{k.sdk}</td><td className="num">{count(k.count)}</td><td><When at={k.last} relative /></td></tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}
