import { useQuery } from '@tanstack/react-query'
import { api, ok } from '../../api/client'

// Seen are events and properties that really arrived lately, and some of their values.
export type Seen = {
  events: string[]
  properties: (event: string) => string[]
  values: (event: string, property: string) => string[]
  traits: string[]
  traitValues: (trait: string) => string[]
}

export function useSeen(space: string): Seen {
  const recent = useQuery({
    queryKey: ['seen', space],
    queryFn: () => ok(api.GET('/api/spaces/{space}/events/recent', { params: { path: { space }, query: { limit: 500 } } })),
    staleTime: 60_000,
  })
  const list = (recent.data?.data ?? []).filter((e) => e.name)
  const bodies = (event: string) => list.filter((e) => e.name === event).map((e) => (e.body as { properties?: Record<string, unknown> } | null)?.properties ?? {})
  const calls = (recent.data?.data ?? []).flatMap((e) => (e.type === 'identify' ? [(e.body as { traits?: Record<string, unknown> } | null)?.traits ?? {}] : []))
  const texts = (list: unknown[]) => [...new Set(list.filter((v) => typeof v === 'string' || typeof v === 'number' || typeof v === 'boolean').map(String))].slice(0, 50)
  return {
    traits: [...new Set(calls.flatMap((t) => Object.keys(t)))].sort(),
    traitValues: (trait) => texts(calls.map((t) => t[trait])),
    events: [...new Set(list.map((e) => e.name))].sort(),
    properties: (event) => [...new Set(bodies(event).flatMap((p) => Object.entries(p).flatMap(([k, v]) =>
      Array.isArray(v) && v[0] && typeof v[0] === 'object' ? Object.keys(v[0]).map((x) => `properties.${k}[].${x}`) : [`properties.${k}`])))].sort(),
    values: (event, property) => texts(bodies(event).map((p) => p[property.replace(/^properties\./, '')])),
  }
}
