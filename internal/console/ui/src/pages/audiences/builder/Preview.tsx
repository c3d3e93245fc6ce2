import { Button, Group, Loader, Select, Stack, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Schemas } from '../../../api/client'
import { exact, some } from '../../../parts/format'
import { Problem } from '../../../parts/parts'
import { useStats } from '../../home/Home'
import { Named } from '../Named'
import { audienceOf, previewAudience, put } from '../document'

// mostByItself is up to how many profiles a size is counted without being asked: it
// reads all of them.
const mostByItself = 300_000

const overlapKey = 'overlap_preview'

// Preview says who would be in an audience of a document, and how many of them are in
// another one too.
export function Preview({ space, text, audience, definitions }: { space: string; text: string; audience: string; definitions: Schemas['Definition'][] }) {
  const [wanted] = useDebouncedValue(text, 700)
  const stats = useStats(space, 30_000)
  const [asked, setAsked] = useState('')
  const [other, setOther] = useState<string | null>(null)
  const many = (stats.data?.profiles ?? Infinity) > mostByItself
  const on = wanted === text && (stats.isSuccess && !many || asked === text)
  const size = useQuery({
    queryKey: ['preview', space, wanted, audience], queryFn: ({ signal }) => previewAudience(space, wanted, audience, signal), enabled: on, retry: false, staleTime: 10_000, placeholderData: keepPreviousData,
  })
  const both = other ? put(wanted, 'audiences', overlapKey, { when: `audiences.${audience} && audiences.${other}`, ...(audienceOf(wanted, audience)?.for ? { for: audienceOf(wanted, audience)!.for } : {}) }) : ''
  const overlap = useQuery({ queryKey: ['preview', space, both, overlapKey], queryFn: ({ signal }) => previewAudience(space, both, overlapKey, signal), enabled: on && other !== null, retry: false, staleTime: 10_000 })
  const collection = audienceOf(wanted, audience)?.for === 'accounts' ? 'accounts' as const : 'users' as const
  const others = definitions.filter((d) => d.kind === 'audience' && d.key !== audience && !d.disabled && d.collection === collection)
  const n = size.data?.members
  return (
    <div className="card" style={{ padding: 16 }} aria-live="polite">
      {many && asked !== text ? (
        <Group justify="space-between"><Text size="sm" className="muted">There are {some(stats.data?.profiles ?? 0, 'profile')}: counting takes a moment.</Text><Button size="xs" variant="light" onClick={() => setAsked(text)}>Count them</Button></Group>
      ) : size.error ? <Problem error={size.error} title="It cannot be counted" /> : n === undefined ? <Group gap="sm"><Loader size="xs" aria-hidden /><Text size="sm" className="muted">Counting…</Text></Group> : (
        <Stack gap="sm">
          <Group gap="sm" align="baseline">
            <Text fw={650} fz={24} className="num" style={{ opacity: size.isPlaceholderData ? 0.5 : 1 }}>{exact(n)}</Text>
            <Text size="sm" className="muted">{collection === 'accounts' ? (n === 1 ? 'account' : 'accounts') : n === 1 ? 'person' : 'people'} would be in it now</Text>
            {size.isFetching && <Loader size="xs" aria-hidden />}
          </Group>
          {size.data!.sample.length > 0 && (
            <Group gap="4px 12px"><Text size="sm" className="muted">For example</Text>
              {size.data!.sample.slice(0, 6).map((id) => <Link key={id} className="link" style={{ fontSize: 14 }} target="_blank" to="/spaces/$space/$collection/$id" params={{ space, collection, id }}><Named space={space} collection={collection} id={id} /></Link>)}
            </Group>
          )}
          {others.length > 0 && n > 0 && (
            <Group gap="sm"><Text size="sm" className="muted">Of these are also in</Text>
              <Select size="xs" w={220} value={other} onChange={setOther} clearable placeholder="another audience" data={others.map((d) => ({ value: d.key, label: d.name || d.key }))} aria-label="Overlap with another audience" />
              {other && (overlap.error ? <Text size="sm" c="red">{(overlap.error as Error).message}</Text> : overlap.data ? <Text size="sm"><strong className="num">{exact(overlap.data.members)}</strong> <span className="muted">({Math.round((100 * overlap.data.members) / n)} %)</span></Text> : <Loader size="xs" aria-hidden />)}
            </Group>
          )}
        </Stack>
      )}
    </div>
  )
}
