import { Button, Group, Loader, Stack, Tabs, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { api, ok } from '../../api/client'
import { Card, Code } from '../../parts/parts'
import { snippets } from '../sources/snippets'

// FirstEvents leads from nothing to the first person seen.
export function FirstEvents({ space }: { space: string }) {
  const sources = useQuery({
    queryKey: ['sources', space],
    queryFn: () => ok(api.GET('/api/spaces/{space}/sources', { params: { path: { space } } })),
  })
  const source = sources.data?.data[0]
  const [tab, setTab] = useState<string | null>(snippets[0]!.name)
  return (
    <Stack gap="lg" maw={820} mx="auto" mt="lg">
      <div>
        <Title order={1} fz={30} style={{ letterSpacing: '-0.02em' }}>Let us meet your first customer</Title>
        <Text className="muted" mt={6} fz={17}>No events have arrived in this space yet. It takes two minutes.</Text>
      </div>
      <Card title="1. Choose what sends events">
        {source ? (
          <Group justify="space-between">
            <Text>There is a source already: <strong>{source.name || source.id}</strong>, with the write key <span className="mono">{source.write_key_prefix}…</span></Text>
            <Button component={Link} {...({ to: '/spaces/$space/sources', params: { space } } as object)} variant="light">Sources</Button>
          </Group>
        ) : (
          <Group justify="space-between">
            <Text>A source is an app or a site. It gets a write key.</Text>
            <Button component={Link} {...({ to: '/spaces/$space/sources', params: { space } } as object)}>Make a source</Button>
          </Group>
        )}
      </Card>
      <Card title="2. Send an event">
        <Tabs value={tab} onChange={setTab} keepMounted={false}>
          <Tabs.List mb="sm">{snippets.map((s) => <Tabs.Tab key={s.name} value={s.name}>{s.name}</Tabs.Tab>)}</Tabs.List>
          {snippets.map((s) => <Tabs.Panel key={s.name} value={s.name}><Code copy>{s.text(location.origin, 'YOUR_WRITE_KEY')}</Code></Tabs.Panel>)}
        </Tabs>
      </Card>
      <Card>
        <Group><Loader size="sm" aria-hidden /><Text role="status">Waiting for the first event… This page goes on by itself.</Text></Group>
      </Card>
    </Stack>
  )
}
