import { ActionIcon, Button, Group, Text } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { IconChevronRight, IconTag } from '@tabler/icons-react'
import { Fragment, useState } from 'react'
import { api, ok, type Schemas } from '../../api/client'
import { text } from '../../parts/format'
import { Personal } from '../../parts/mask'
import { Empty, Loading, Problem, When } from '../../parts/parts'
import type { Collection } from './Person'

export function Traits({ space, collection, profile }: { space: string; collection: Collection; profile: Schemas['Profile'] }) {
  const [open, setOpen] = useState<string | null>(null)
  if (profile.traits.length === 0) {
    return <Empty icon={<IconTag size={36} />} title="No traits yet">Traits come with identify calls: a name, an email, a plan.</Empty>
  }
  const traits = [...profile.traits].sort((a, b) => a.name.localeCompare(b.name))
  return (
    <table className="rows">
      <thead><tr><th>Trait</th><th>Value</th><th>Since</th><th>Source</th></tr></thead>
      <tbody>
        {traits.map((t) => (
          <Fragment key={t.name}>
            <tr>
              <td style={{ fontWeight: 550 }}>
                <Group gap={4} wrap="nowrap">
                  <ActionIcon variant="subtle" color="ink" size="sm" onClick={() => setOpen(open === t.name ? null : t.name)} aria-expanded={open === t.name} aria-label={`The history of ${t.name}`}>
                    <IconChevronRight size={15} style={{ transform: open === t.name ? 'rotate(90deg)' : undefined, transition: 'transform 120ms' }} />
                  </ActionIcon>
                  {t.name}
                </Group>
              </td>
              <td className="wide" style={{ overflowWrap: 'anywhere' }}><Personal>{text(t.value)}</Personal></td>
              <td style={{ whiteSpace: 'nowrap' }}><When at={t.time} /></td>
              <td>{t.source}</td>
            </tr>
            {open === t.name && <tr><td colSpan={4} style={{ background: 'var(--soft)' }}><History space={space} collection={collection} id={profile.id} name={t.name} /></td></tr>}
          </Fragment>
        ))}
      </tbody>
    </table>
  )
}

// History lists the values that a trait had, with the calls that set them.
function History({ space, collection, id, name }: { space: string; collection: Collection; id: string; name: string }) {
  const pages = useInfiniteQuery({
    queryKey: ['trait history', space, collection, id, name],
    queryFn: ({ pageParam }) => ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}/traits/history', {
      params: { path: { space, collection, profile: id }, query: { name, limit: 20, ...(pageParam ? { next: pageParam } : {}) } },
    })),
    initialPageParam: '',
    getNextPageParam: (last) => (last.cursor.has_more ? last.cursor.next : undefined),
  })
  if (pages.error && !pages.data) return <Problem error={pages.error} retry={() => pages.refetch()} />
  if (!pages.data) return <Loading rows={2} />
  const list = pages.data.pages.flatMap((p) => p.data)
  return (
    <>
      <table style={{ width: '100%', fontSize: 13 }}>
        <thead className="skip"><tr><th>Value</th><th>Since</th><th>Source</th><th>Message</th></tr></thead>
        <tbody>
          {list.map((s, i) => (
            <tr key={i}>
              <td style={{ overflowWrap: 'anywhere' }}>{s.value === null ? <span className="muted">removed</span> : <Personal>{text(s.value)}</Personal>}</td>
              <td><When at={s.time} exact /></td><td>{s.source}</td><td className="mono muted">{s.message_id}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {list.length === 0 && !pages.hasNextPage && <Text size="sm" className="muted">No call is known that set it.</Text>}
      {pages.hasNextPage && <Button size="xs" variant="subtle" mt={6} onClick={() => pages.fetchNextPage()} loading={pages.isFetchingNextPage}>Earlier values</Button>}
    </>
  )
}
