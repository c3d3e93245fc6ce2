import { Button, Group, Modal, PasswordInput, Select, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { open } from '../audiences/document'
import { keyOf } from '../audiences/key'

type Kind = 'webhook' | 'email' | 'file'

// AddDestination writes the usual destinations into the definitions; all else can be
// written there as text.
export function AddDestination({ document, onClose, onApply }: { document: string; onClose: () => void; onApply: (text: string) => void }) {
  const [kind, setKind] = useState<Kind>('webhook')
  const [name, setName] = useState('')
  const [initial, setInitial] = useState<'silent' | 'send'>('silent')
  const [v, setV] = useState<Record<string, string>>({})
  const field = (k: string, label: string, placeholder: string) => <TextInput label={label} placeholder={placeholder} value={v[k] ?? ''} onChange={(e) => setV({ ...v, [k]: e.currentTarget.value })} required />
  const key = keyOf(name)
  const of: Record<Kind, unknown> = {
    webhook: { webhook: { url: v.url, ...(v.secret ? { secret: v.secret } : {}) }, send: { audiences: 'all', traits: 'all' } },
    file: { file: { path: v.path }, send: { audiences: 'all', traits: 'all' } },
    email: { email: { server: v.server, from: v.from, at_most: '2 in 7d', mails: { [keyOf(v.audience ?? '') + '_mail']: { audience: v.audience, wait: '4h', still: true, subject: v.subject, text: v.text } } } },
  }
  const ready = key !== '' && (kind === 'webhook' ? v.url : kind === 'file' ? v.path : v.server && v.from && v.audience && v.subject && v.text)
  const write = () => {
    const doc = open(document)
    if (!doc.has('destinations')) doc.setIn(['destinations'], doc.createNode({}))
    doc.setIn(['destinations', key], doc.createNode({ ...(name !== key ? { name } : {}), type: kind, initial, ...(of[kind] as object) }))
    if (doc.contents && 'flow' in doc.contents) (doc.contents as { flow?: boolean }).flow = false
    onApply(doc.toString({ lineWidth: 0 }))
  }
  return (
    <Modal opened onClose={onClose} title={<strong>Add a destination</strong>} size="lg" centered closeButtonProps={{ 'aria-label': 'Close' }}>
      <form onSubmit={(e) => { e.preventDefault(); if (ready) write() }}>
        <Stack>
          <Select label="Kind" value={kind} onChange={(k) => k && setKind(k as Kind)} allowDeselect={false} data={[{ value: 'webhook', label: 'Webhook: any tool that takes HTTP' }, { value: 'email', label: 'Mails through your own server' }, { value: 'file', label: 'A file on the server' }]} />
          <TextInput label="Name" placeholder="CRM" value={name} onChange={(e) => setName(e.currentTarget.value)} description={key && `Its key is ${key}`} required data-autofocus />
          {kind === 'webhook' && <>{field('url', 'Address', 'https://crm.example.com/hooks/selfsame')}<PasswordInput label="Secret to sign with" description="whsec_…, as the receiver has it. It is never shown again." value={v.secret ?? ''} onChange={(e) => setV({ ...v, secret: e.currentTarget.value })} autoComplete="off" /></>}
          {kind === 'file' && field('path', 'Directory', 'deliveries')}
          {kind === 'email' && <>{field('server', 'Mail server', 'smtps://mail.example.com')}{field('from', 'From', 'Shop <shoes@example.com>')}{field('audience', 'To whoever enters the audience (its key)', 'abandoned_cart')}{field('subject', 'Subject', 'Still thinking about it?')}{field('text', 'Text', 'Hello {{.Profile.Traits.firstName}}, …')}<Text size="sm" className="muted">Four hours after somebody entered, if they are still in it, twice in a week at most. All of that can be changed as text under Audiences.</Text></>}
          <Select label="Those who are in an audience already" value={initial} onChange={(k) => k && setInitial(k as typeof initial)} allowDeselect={false} data={[{ value: 'silent', label: 'are not told: only what changes from now on' }, { value: 'send', label: 'are told too' }]} />
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>Cancel</Button><Button type="submit" disabled={!ready}>Go on…</Button></Group>
        </Stack>
      </form>
    </Modal>
  )
}
