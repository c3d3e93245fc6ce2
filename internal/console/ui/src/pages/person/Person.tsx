import { Badge, Group, Stack, Tabs, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useNavigate, useParams, useSearch } from '@tanstack/react-router'
import { IconUserSearch } from '@tabler/icons-react'
import { lazy, Suspense } from 'react'
import { api, ApiError, ok } from '../../api/client'
import { exact, some } from '../../parts/format'
import { Personal } from '../../parts/mask'
import { Card, Copy, Empty, Loading, Problem, Spinner, When } from '../../parts/parts'
import { useSpace } from '../../shell/space'
import { Accounts } from './Accounts'
import { Computed } from './Computed'
import { Events } from './Events'
import { Identities } from './Identities'
import { Journey } from './journey/Journey'
import { firstName, isKnown, nameOf } from './name'
import { SentTab } from './SentTab'
import { Traits } from './Traits'

const Graph = lazy(() => import('./graph/Graph'))

export type Collection = 'users' | 'accounts'

export function Person() {
  const space = useSpace()
  const { collection, id } = useParams({ strict: false }) as { collection: Collection; id: string }
  const { tab = 'traits' } = useSearch({ strict: false }) as { tab?: string }
  const go = useNavigate()
  const known = collection === 'users' || collection === 'accounts'
  const profile = useQuery({
    queryKey: ['profile', space, collection, id],
    queryFn: () => ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}', { params: { path: { space, collection, profile: id } } })),
    enabled: known,
    refetchInterval: 15_000,
  })
  if (!known || (profile.error instanceof ApiError && profile.error.status === 404)) {
    return <Empty icon={<IconUserSearch size={40} />} title="Nobody is found here">{profile.error?.message ?? 'There is no such page.'}</Empty>
  }
  if (profile.error && !profile.data) return <Problem error={profile.error} retry={() => profile.refetch()} />
  if (!profile.data) return <Loading rows={8} />
  const p = profile.data
  const users = collection === 'users'
  return (
    <Stack gap="lg">
      <header>
        <Group gap="sm" align="center">
          <Title order={1} fz={30} style={{ letterSpacing: '-0.02em', overflowWrap: 'anywhere' }}><Personal>{nameOf(p)}</Personal></Title>
          {users && <Badge variant="light" color={isKnown(p) ? 'teal' : 'gray'} size="lg" tt="none">{isKnown(p) ? 'Known' : 'Anonymous'}</Badge>}
          {p.provisional && <Badge variant="light" color="orange" size="lg" tt="none" title="Work is pending that may still change who this is">Provisional</Badge>}
        </Group>
        <Group gap="2px 16px" mt={6} className="muted" fz={14}>
          <span>Last seen <When at={p.updated_at} relative /></span>
          <span>First seen <When at={p.created_at} /></span>
          <span>{some(p.events, 'event')}</span>
          <span>{some(p.identifiers.length, 'identifier')}</span>
          <Group gap={2}><span className="mono">{p.id}</span><Copy value={p.id} label="Copy the profile's ID" /></Group>
        </Group>
        {p.merged_ids.length > 0 && <Text size="sm" className="muted" title={p.merged_ids.join('\n')}>{exact(p.merged_ids.length)} earlier {p.merged_ids.length === 1 ? 'profile' : 'profiles'} became part of this one.</Text>}
      </header>
      <Computed space={space} collection={collection} id={p.id} />
      <Journey space={space} collection={collection} id={p.id} name={firstName(p) || nameOf(p)} />
      <Tabs value={tab} onChange={(t) => t && go({ to: '.', search: { tab: t }, replace: true })} keepMounted={false} variant="default">
        <Tabs.List mb="md" style={{ flexWrap: 'nowrap', overflowX: 'auto', overflowY: 'hidden' }}>
          <Tabs.Tab value="traits">Traits</Tabs.Tab>
          <Tabs.Tab value="events">Events</Tabs.Tab>
          <Tabs.Tab value="identities">Identities</Tabs.Tab>
          <Tabs.Tab value="sent">Sent</Tabs.Tab>
          <Tabs.Tab value="accounts">{users ? 'Accounts' : 'People'}</Tabs.Tab>
          <Tabs.Tab value="graph">Graph</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="traits"><Card pad={false}><Traits space={space} collection={collection} profile={p} /></Card></Tabs.Panel>
        <Tabs.Panel value="events"><Events space={space} collection={collection} id={p.id} /></Tabs.Panel>
        <Tabs.Panel value="identities"><Identities space={space} profile={p} /></Tabs.Panel>
        <Tabs.Panel value="sent"><SentTab space={space} collection={collection} id={p.id} /></Tabs.Panel>
        <Tabs.Panel value="accounts"><Accounts space={space} collection={collection} id={p.id} /></Tabs.Panel>
        <Tabs.Panel value="graph"><Suspense fallback={<Spinner />}><Graph space={space} collection={collection} id={p.id} /></Suspense></Tabs.Panel>
      </Tabs>
    </Stack>
  )
}
