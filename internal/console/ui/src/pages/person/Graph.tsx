import { Group, Stack, Text, useComputedColorScheme } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import cytoscape from 'cytoscape'
import { useEffect, useRef, useState } from 'react'
import type { Schemas } from '../../api/client'
import { split, typeName } from '../../parts/format'
import { masked, useMask } from '../../parts/mask'
import { Card, Id, Loading, Problem, When } from '../../parts/parts'
import { laneColors } from '../../theme'
import type { Collection } from './Person'
import { readStory } from './story'

// Cytoscape adds a style element for its container unless there is one of this name,
// which the content policy would refuse.
if (!document.getElementById('__________cytoscape_stylesheet')) {
  const marker = document.createElement('meta')
  marker.id = '__________cytoscape_stylesheet'
  document.head.appendChild(marker)
}

export default function Graph({ space, collection, id }: { space: string; collection: Collection; id: string }) {
  const story = useQuery({
    queryKey: ['story', space, collection, id],
    queryFn: () => readStory(space, collection, id, 500),
  })
  if (story.error) return <Problem error={story.error} retry={() => story.refetch()} />
  if (!story.data) return <Loading />
  return <GraphOf graph={story.data.graph} more={story.data.cursor.has_more} />
}

export function GraphOf({ graph, more, height = 460 }: { graph: Schemas['Graph']; more?: boolean; height?: number }) {
  const host = useRef<HTMLDivElement>(null)
  const scheme = useComputedColorScheme('light')
  const { on } = useMask()
  const [edge, setEdge] = useState<Schemas['GraphEdge'] | null>(null)
  useEffect(() => {
    if (!host.current) return
    const types = [...new Set(graph.nodes.map((n) => n.type))]
    const line = scheme === 'dark' ? '#5b6580' : '#b4bccb'
    const cy = cytoscape({
      container: host.current,
      elements: [
        ...graph.nodes.map((n) => ({ data: { id: n.id, label: `${typeName(n.type)}\n${on ? masked(n.value) : n.value.slice(0, 28)}`, color: laneColors[types.indexOf(n.type) % laneColors.length] } })),
        ...graph.edges.map((e, i) => ({ data: { id: 'e' + i, source: e.from, target: e.to, width: 1.5 + Math.min(6, Math.log2(1 + (e.events ?? 1))), apart: e.kept_apart ? 1 : 0, index: i } })),
      ],
      style: [
        { selector: 'node', style: { 'background-color': 'data(color)', label: 'data(label)', 'text-wrap': 'wrap', 'font-size': 10, 'font-family': 'Inter Variable, sans-serif', color: scheme === 'dark' ? '#e7eaf2' : '#1a2130', 'text-valign': 'bottom', 'text-margin-y': 6, width: 26, height: 26 } },
        { selector: 'edge', style: { width: 'data(width)', 'line-color': line, 'curve-style': 'bezier' } },
        { selector: 'edge[apart = 1]', style: { 'line-style': 'dashed', 'line-color': '#d6455d' } },
        { selector: 'edge:selected', style: { 'line-color': '#4f5ae0' } },
      ],
      layout: { name: graph.nodes.length > 250 ? 'concentric' : 'cose', animate: false, padding: 40, randomize: false, nodeRepulsion: () => 90000, idealEdgeLength: () => 110, nodeOverlap: 60 } as cytoscape.LayoutOptions,
      maxZoom: 2.5,
    })
    cy.on('tap', 'edge', (ev) => setEdge(graph.edges[ev.target.data('index') as number] ?? null))
    cy.on('tap', (ev) => { if (ev.target === cy) setEdge(null) })
    return () => cy.destroy()
  }, [graph, scheme, on])
  return (
    <Stack>
      <Card pad={false}>
        <div ref={host} role="img" aria-label={`${graph.nodes.length} identifiers and the ${graph.edges.length} links that tie them together. The same stands in the list below.`} style={{ height, position: 'relative' }} />
      </Card>
      {more && <Text size="sm" className="muted">The picture shows the first steps only; the list of identities has all.</Text>}
      {edge && (
        <Card title={edge.kept_apart ? 'Kept apart' : 'Tied together'}>
          <Group gap="sm"><Id id={edge.from} /><span className="muted">{edge.kept_apart ? 'stayed apart from' : 'and'}</span><Id id={edge.to} /></Group>
          <Text size="sm" mt="xs" className="muted">by an event of <When at={edge.first} exact />{edge.message_id ? <>, message <span className="mono">{edge.message_id}</span></> : null}</Text>
        </Card>
      )}
      <details>
        <summary style={{ cursor: 'pointer', fontSize: 14 }} className="muted">The links as a list</summary>
        <Card pad={false}>
          <table className="rows">
            <thead><tr><th>One</th><th>Other</th><th>First together</th></tr></thead>
            <tbody>
              {graph.edges.map((e, i) => (
                <tr key={i}><td><Id id={e.from} /></td><td><Id id={e.to} />{e.kept_apart && <span className="muted"> kept apart</span>}</td><td><When at={e.first} /></td></tr>
              ))}
            </tbody>
          </table>
        </Card>
      </details>
    </Stack>
  )
}

export const typeOf = (id: string) => split(id)[0]
