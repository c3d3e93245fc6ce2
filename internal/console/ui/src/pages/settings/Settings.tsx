import { Alert, Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { IconKey } from '@tabler/icons-react'
import { useState } from 'react'
import { api, ok, setWhoAmI, whoAmI, type Schemas } from '../../api/client'
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
            <thead><tr><th>Name</th><th>ID</th><th>Made</th></tr></thead>
            <tbody>{spaces.data.map((s) => <tr key={s.id}><td>{s.name || s.id}</td><td className="mono">{s.id}</td><td><When at={s.created_at} /></td></tr>)}</tbody>
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
    </Card>
  )
}
