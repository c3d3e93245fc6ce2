import { Alert, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconKey } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, setWhoAmI, whoAmI, type Schemas } from '../../api/client'
import { some } from '../../parts/format'
import { Card, Code, Empty, Loading, PageTitle, Problem, When } from '../../parts/parts'
import { useSpaces } from '../../shell/Root'
import { useSpace } from '../../shell/space'

export function Settings() {
  const space = useSpace()
  return (
    <>
      <PageTitle title="Settings" />
      <Stack gap="lg">
        <You />
        <Tokens space={space} />
        <Spaces />
      </Stack>
    </>
  )
}

function You() {
  const [name, setName] = useState(whoAmI())
  const [saved, setSaved] = useState(false)
  return (
    <Card title="You">
      <form onSubmit={(e) => { e.preventDefault(); setWhoAmI(name.trim()); setSaved(true) }}>
        <Group align="flex-end">
          <TextInput label="Your name" description="Stands beside your changes in the audit trail. It is kept in this browser." value={name} onChange={(e) => { setName(e.currentTarget.value); setSaved(false) }} maxLength={80} style={{ flex: '1 1 300px', maxWidth: 420 }} />
          <Button type="submit" variant="light">{saved ? 'Saved' : 'Save'}</Button>
        </Group>
      </form>
    </Card>
  )
}

function Tokens({ space }: { space: string }) {
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const [made, setMade] = useState<Schemas['TokenWithSecret'] | null>(null)
  const [going, setGoing] = useState<Schemas['Token'] | null>(null)
  const list = useQuery({ queryKey: ['tokens', space], queryFn: () => ok(api.GET('/api/spaces/{space}/tokens', { params: { path: { space }, query: { limit: 1000 } } })) })
  const again = () => queries.invalidateQueries({ queryKey: ['tokens', space] })
  const make = useMutation({
    mutationFn: () => ok(api.POST('/api/spaces/{space}/tokens', { params: { path: { space } }, body: { name: name.trim() } })),
    onSuccess: (t) => { setMade(t); setName(''); again() },
  })
  const drop = useMutation({
    mutationFn: (t: Schemas['Token']) => ok(api.DELETE('/api/spaces/{space}/tokens/{token}', { params: { path: { space, token: t.name } } })),
    onSuccess: () => { setGoing(null); again() },
  })
  return (
    <Card title="Tokens of this space">
      <Text size="sm" className="muted" mb="sm">With a token a server of yours reads profiles. It is shown once, when it is made.</Text>
      {list.error ? <Problem error={list.error} retry={() => list.refetch()} /> : !list.data ? <Loading rows={2} /> : list.data.data.length === 0 ? <Empty icon={<IconKey size={32} />} title="No tokens" /> : (
        <div style={{ overflowX: 'auto' }} tabIndex={0}>
          <table className="rows">
            <thead><tr><th>Name</th><th>Begins with</th><th>Made</th><th /></tr></thead>
            <tbody>
              {list.data.data.map((t) => (
                <tr key={t.name}>
                  <td>{t.name}</td><td className="mono">{t.token_prefix}…</td><td><When at={t.created_at} /></td>
                  <td style={{ textAlign: 'right' }}>{t.declared ? <Text size="xs" className="muted">in the configuration</Text> : <Button size="xs" variant="subtle" color="red" onClick={() => setGoing(t)}>Delete…</Button>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <form onSubmit={(e) => { e.preventDefault(); if (name.trim()) make.mutate() }}>
        <Group align="flex-end" mt="md">
          <TextInput label="A new token" placeholder="its name, such as backend" value={name} onChange={(e) => setName(e.currentTarget.value)} style={{ flex: '1 1 220px', maxWidth: 320 }} />
          <Button type="submit" variant="light" loading={make.isPending} disabled={!name.trim()}>Make</Button>
        </Group>
      </form>
      {make.error && <Problem error={make.error} />}
      <Secret title={`The token ${made?.name ?? ''}`} value={made?.token} onClose={() => { setMade(null); make.reset() }} />
      <Modal opened={going !== null} onClose={() => setGoing(null)} title={<strong>Delete the token {going?.name}?</strong>} centered closeButtonProps={{ 'aria-label': 'Close' }}>
        <Text size="sm">Whoever uses it is refused from then on.</Text>
        {drop.error && <Problem error={drop.error} />}
        <Group justify="flex-end" mt="md"><Button variant="default" onClick={() => setGoing(null)}>Keep it</Button><Button color="red" onClick={() => going && drop.mutate(going)} loading={drop.isPending}>Delete it</Button></Group>
      </Modal>
    </Card>
  )
}

// Secret shows what is never shown again.
export function Secret({ title, value, onClose, children }: { title: string; value: string | undefined; onClose: () => void; children?: React.ReactNode }) {
  return (
    <Modal opened={Boolean(value)} onClose={onClose} title={<strong>{title}</strong>} centered size="lg" closeOnClickOutside={false} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Stack>
        <Alert variant="light" color="orange">Copy it now. It is not shown again, and the server keeps only its hash.</Alert>
        <Code copy wrap>{value ?? ''}</Code>
        {children}
        <Group justify="flex-end"><Button onClick={onClose}>I have it</Button></Group>
      </Stack>
    </Modal>
  )
}

function Spaces() {
  const queries = useQueryClient()
  const spaces = useSpaces()
  const [id, setId] = useState('')
  const [name, setName] = useState('')
  const [going, setGoing] = useState<string | null>(null)
  const make = useMutation({
    mutationFn: () => ok(api.POST('/api/spaces', { body: { id: id.trim(), ...(name.trim() ? { name: name.trim() } : {}) } })),
    onSuccess: () => { setId(''); setName(''); queries.invalidateQueries({ queryKey: ['spaces'] }) },
  })
  return (
    <Card title="Spaces">
      <Text size="sm" className="muted" mb="sm">A space keeps its people to itself: one for trying out, one for the real thing.</Text>
      {spaces.data && (
        <div style={{ overflowX: 'auto' }} tabIndex={0}>
          <table className="rows">
            <thead><tr><th>Name</th><th>ID</th><th>Made</th><th /></tr></thead>
            <tbody>{spaces.data.map((s) => <tr key={s.id}><td>{s.name || s.id}</td><td className="mono">{s.id}</td><td><When at={s.created_at} /></td><td style={{ textAlign: 'right' }}>{s.declared ? <Text size="xs" className="muted">in the configuration</Text> : <Button size="xs" variant="subtle" color="red" onClick={() => setGoing(s.id)}>Delete…</Button>}</td></tr>)}</tbody>
          </table>
        </div>
      )}
      <form onSubmit={(e) => { e.preventDefault(); if (id.trim()) make.mutate() }}>
        <Group align="flex-end" mt="md">
          <TextInput label="A new space" placeholder="its ID, such as prod" value={id} onChange={(e) => setId(e.currentTarget.value)} style={{ flex: '1 1 180px', maxWidth: 240 }} />
          <TextInput label="Its name" placeholder="Production" value={name} onChange={(e) => setName(e.currentTarget.value)} style={{ flex: '1 1 180px', maxWidth: 260 }} />
          <Button type="submit" variant="light" loading={make.isPending} disabled={!id.trim()}>Make</Button>
        </Group>
      </form>
      {make.error && <Problem error={make.error} />}
      {going && <DeleteSpace key={going} space={going} onClose={() => setGoing(null)} />}
    </Card>
  )
}

// DeleteSpace deletes a space whose ID somebody typed again.
function DeleteSpace({ space, onClose }: { space: string; onClose: () => void }) {
  const queries = useQueryClient()
  const [typed, setTyped] = useState('')
  const path = { space }
  const preview = useQuery({ queryKey: ['delete space', space], queryFn: () => ok(api.DELETE('/api/spaces/{space}', { params: { path, query: { preview: true } } })), gcTime: 0, retry: false })
  const drop = useMutation({
    mutationFn: () => ok(api.DELETE('/api/spaces/{space}', { params: { path, query: { confirm: typed } } })),
    onSuccess: () => { onClose(); if (location.pathname.startsWith(`/spaces/${space}/`)) location.assign('/'); else queries.invalidateQueries({ queryKey: ['spaces'] }) },
  })
  const p = preview.data
  return (
    <Modal opened onClose={onClose} title={<strong>Delete the space {space}?</strong>} centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={(e) => { e.preventDefault(); if (typed === space) drop.mutate() }}>
        <Stack gap="sm">
          {preview.error ? <Problem error={preview.error} /> : p && (
            <Text size="sm">With it go {some(p.profiles ?? 0, 'profile')} and {some(p.events ?? 0, 'event')}{p.deleted_sources.length > 0 && <>, and the sources that feed nothing else: {p.deleted_sources.join(', ')}</>}. Nothing of it can be had again.</Text>
          )}
          <TextInput label={<>Type <span className="mono">{space}</span> to delete it</>} value={typed} onChange={(e) => setTyped(e.currentTarget.value)} autoComplete="off" spellCheck={false} data-autofocus />
          {drop.error && <Problem error={drop.error} />}
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>Keep it</Button><Button color="red" type="submit" loading={drop.isPending} disabled={typed !== space || !p}>Delete it</Button></Group>
        </Stack>
      </form>
    </Modal>
  )
}
