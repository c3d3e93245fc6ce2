import { Badge, Group, SimpleGrid, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, ApiError, ok } from '../../api/client'
import { text } from '../../parts/format'
import { Card, When } from '../../parts/parts'
import { readDefinitions } from '../audiences/document'
import type { Collection } from './Person'

// Computed shows what is computed about somebody, and the audiences that they are in.
export function Computed({ space, collection, id }: { space: string; collection: Collection; id: string }) {
  const definitions = useQuery({ queryKey: ['definitions', space], queryFn: () => readDefinitions(space), staleTime: 30_000 })
  const values = useQuery({
    queryKey: ['computed', space, collection, id],
    queryFn: async () => {
      try {
        return await ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}/computed', { params: { path: { space, collection, profile: id } } }))
      } catch (e) {
        if (e instanceof ApiError && e.status === 404) return null
        throw e
      }
    },
    refetchInterval: 5_000,
  })
  const v = values.data
  if (!v || (v.traits.length === 0 && v.audiences.length === 0)) return null
  const of = (key: string) => definitions.data?.definitions.find((d) => d.key === key)
  const name = (key: string) => of(key)?.name || (key.charAt(0).toUpperCase() + key.slice(1)).replaceAll('_', ' ')
  const inside = v.audiences.filter((a) => a.member)
  return (
    <Card title="What is known now" aside={<Text size="xs" className="muted">as of <When at={v.as_of} exact /></Text>}>
      {v.traits.length > 0 && (
        <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }} spacing="md" verticalSpacing="md">
          {v.traits.map((t) => (
            <div key={t.key}>
              <Text fw={650} fz={18} className="num" style={{ overflowWrap: 'anywhere' }}>{text(t.value)}</Text>
              <Text size="sm" className="muted">{name(t.key)}</Text>
            </div>
          ))}
        </SimpleGrid>
      )}
      {v.audiences.length > 0 && (
        <Group gap={8} mt={v.traits.length ? 'md' : 0}>
          <Text size="sm" className="muted">{inside.length ? 'In' : 'In no audience'}</Text>
          {inside.map((a) => <Badge key={a.key} variant="light" size="lg" tt="none" title={a.since ?? ''}>{name(a.key)}</Badge>)}
        </Group>
      )}
    </Card>
  )
}
