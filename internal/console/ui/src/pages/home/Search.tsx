import { CloseButton, Loader, Text, TextInput } from '@mantine/core'
import { useDebouncedValue, useHotkeys } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { IconSearch } from '@tabler/icons-react'
import { useId, useRef, useState } from 'react'
import { Personal } from '../../parts/mask'
import { Id, Problem } from '../../parts/parts'
import { nameOf } from '../person/name'
import { useSpace } from '../../shell/space'
import { findPeople, type Hit } from './find'

// Search finds people by what somebody types.
export function Search({ compact }: { compact?: boolean }) {
  const space = useSpace()
  const go = useNavigate()
  const list = useId()
  const input = useRef<HTMLInputElement>(null)
  const [text, setText] = useState('')
  const [wanted] = useDebouncedValue(text.trim(), 120)
  const [open, setOpen] = useState(false)
  const [at, setAt] = useState(0)
  useHotkeys([['mod+K', () => input.current?.focus()], ['/', () => input.current?.focus()]])
  const found = useQuery({
    queryKey: ['find', space, wanted],
    queryFn: ({ signal }) => findPeople(space, wanted, signal),
    enabled: wanted !== '',
    placeholderData: (previous, query) => (query?.queryKey[1] === space && wanted ? previous : undefined),
  })
  const people = wanted ? (found.data?.hits ?? []) : []
  const choose = (p: Hit | undefined) => {
    if (!p) return
    setOpen(false)
    setText('')
    input.current?.blur()
    go({ to: '/spaces/$space/$collection/$id', params: { space, collection: p.collection, id: p.id } })
  }
  const shown = open && wanted !== ''
  return (
    <div style={{ position: 'relative' }} role="search">
      <TextInput
        ref={input}
        size={compact ? 'sm' : 'lg'}
        radius="md"
        value={text}
        onChange={(e) => { setText(e.currentTarget.value); setOpen(true); setAt(0) }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={(e) => {
          if (e.key === 'ArrowDown') { e.preventDefault(); setAt((i) => Math.min(i + 1, people.length - 1)) }
          if (e.key === 'ArrowUp') { e.preventDefault(); setAt((i) => Math.max(i - 1, 0)) }
          if (e.key === 'Enter') choose(people[at])
          if (e.key === 'Escape') { setOpen(false); input.current?.blur() }
        }}
        placeholder={compact ? 'Find a person' : 'A name, an email, a user ID, a cookie, a device…'}
        aria-label="Find a person"
        role="combobox"
        aria-expanded={shown}
        aria-controls={list}
        aria-activedescendant={shown && people[at] ? `${list}-${at}` : undefined}
        aria-autocomplete="list"
        autoFocus={!compact}
        leftSection={<IconSearch size={compact ? 17 : 21} stroke={1.8} />}
        rightSection={found.isFetching && wanted ? <Loader size="xs" aria-hidden /> : text ? <CloseButton size="sm" onClick={() => setText('')} aria-label="Empty the search" /> : null}
      />
      <div id={list} role="listbox" aria-label="People found" className="card" hidden={!shown}
        style={{ position: 'absolute', zIndex: 300, left: 0, right: 0, top: '100%', marginTop: 6, padding: 6, boxShadow: '0 12px 40px rgb(0 0 0 / 0.16)', maxHeight: '60vh', overflowY: 'auto' }}>
        {found.error && <Problem error={found.error} />}
        {people.map((p, i) => (
          <div key={p.id} id={`${list}-${i}`} role="option" aria-selected={i === at} className="clickable" onMouseEnter={() => setAt(i)} onMouseDown={(e) => { e.preventDefault(); choose(p) }}
            style={{ padding: '9px 12px', borderRadius: 9, background: i === at ? 'var(--soft)' : undefined }}>
            <div style={{ display: 'flex', justifyContent: 'space-between', gap: 12 }}>
              <Text fw={600} size="sm"><Personal>{nameOf(named(p))}</Personal></Text>
              {p.collection === 'accounts' && <Text size="xs" className="muted">account</Text>}
            </div>
            <div style={{ display: 'flex', gap: 6, marginTop: 4, flexWrap: 'wrap' }}>
              {ordered(p).slice(0, 3).map((id) => <Id key={id} id={id} />)}
              {p.identifiers.length + p.more_identifiers > 3 && <Text size="xs" className="muted" pt={3}>and {p.identifiers.length + p.more_identifiers - 3} more</Text>}
            </div>
          </div>
        ))}
        {!found.error && found.data && people.length === 0 && !found.isFetching && (
          <Text size="sm" className="muted" p="sm">Nobody has “{wanted}”.</Text>
        )}
        {found.data?.progress != null && <Text size="xs" className="muted" p="sm">The index is still being made ({Math.round(100 * found.data.progress)} %): some may be missing.</Text>}
        {found.isPending && <Text size="sm" className="muted" p="sm">Looking…</Text>}
      </div>
    </div>
  )
}

const named = (p: Hit) => ({ collection: p.collection, traits: Object.entries(p.traits).map(([name, value]) => ({ name, value: value as unknown })), identifiers: p.identifiers })

// ordered puts the identifiers that were looked for first.
function ordered(p: Hit): string[] {
  const hits = new Set(p.matches.filter((m) => m.identifier).map((m) => m.identifier))
  const all = p.identifiers.map((i) => ({ id: `${i.type}:${i.value}`, hit: hits.has(i.type) ? 0 : 1 }))
  return all.sort((a, b) => a.hit - b.hit).map((x) => x.id)
}
