import { Center, Loader, useComputedColorScheme } from '@mantine/core'
import cytoscape from 'cytoscape'
import { useEffect, useMemo, useRef } from 'react'
import { typeName } from '../../../parts/format'
import { masked, useMask } from '../../../parts/mask'
import type { Elements, Point } from './elements'
import type { Places, ToPlace } from './place'
import { usePlaces } from './usePlaces'

// Cytoscape adds a style element for its container unless there is one of this name,
// which the content policy would refuse.
if (!document.getElementById('__________cytoscape_stylesheet')) {
  const marker = document.createElement('meta')
  marker.id = '__________cytoscape_stylesheet'
  document.head.appendChild(marker)
}

const radius = (p: Point) => (p.kind === 'strand' ? 4 : Math.min(24, 8 + 2.2 * Math.log2(1 + p.events)))
const width = (events: number) => 1.5 + Math.min(7, 0.9 * Math.log2(1 + events))

// Picture draws points and lines; those after a time are faint.
export function Picture({ all, color, until, chosen, onChoose }: { all: Elements; color: (app: string) => string; until: number | null; chosen: number | null; onChoose: (strand: number | null) => void }) {
  const host = useRef<HTMLDivElement>(null)
  const graph = useRef<cytoscape.Core | null>(null)
  const scheme = useComputedColorScheme('light')
  const { on } = useMask()
  const wanted = useMemo<ToPlace>(() => {
    const at = new Map(all.points.map((p, i) => [p.id, i]))
    return { sizes: all.points.map(radius), lines: all.lines.map((l) => [at.get(l.from)!, at.get(l.to)!]) }
  }, [all])
  const places = usePlaces(wanted)
  useEffect(() => {
    if (!host.current || !places) return
    const text = scheme === 'dark' ? '#e7eaf2' : '#1a2130'
    const card = scheme === 'dark' ? '#191d28' : '#ffffff'
    const few = all.points.length <= 40
    const at = few ? filling(places, host.current.clientWidth, host.current.clientHeight) : places
    const cy = cytoscape({
      container: host.current,
      elements: [
        ...all.points.map((p, i) => ({
          data: { id: p.id, label: p.label ? `${typeName(p.label.type)}\n${on ? masked(p.label.value) : short(p.label.value)}` : '', color: p.kind === 'out' ? '#8a94ab' : color(p.app), size: 2 * radius(p), first: p.first, kind: p.kind },
          position: { x: at[i]![0], y: at[i]![1] },
        })),
        ...all.lines.map((l, i) => ({ data: { id: 'line ' + i, source: l.from, target: l.to, color: l.kind === 'out' ? '#d6455d' : l.kind === 'decided' ? text : color(l.app), width: l.kind === 'tie' ? width(l.events) : 2, first: l.first, strand: l.strand, kind: l.kind } })),
      ],
      style: [
        { selector: 'node', style: { 'background-color': 'data(color)', label: few ? 'data(label)' : '', 'text-wrap': 'wrap', 'font-size': 10.5, 'font-family': 'Inter Variable, sans-serif', color: text, 'text-valign': 'bottom', 'text-margin-y': 5, width: 'data(size)', height: 'data(size)', 'text-background-color': card, 'text-background-opacity': 0.75, 'text-background-padding': '1px' } },
        { selector: '.named', style: { label: 'data(label)' } },
        { selector: 'node[kind = "out"]', style: { 'background-opacity': 0.25, 'border-width': 1.5, 'border-style': 'dashed', 'border-color': '#d6455d' } },
        { selector: 'edge', style: { width: 'data(width)', 'line-color': 'data(color)', 'line-opacity': 0.45, 'curve-style': 'straight', 'line-cap': 'round' } },
        { selector: 'edge[kind = "out"]', style: { 'line-style': 'dashed', 'line-opacity': 0.8 } },
        { selector: 'edge[kind = "decided"]', style: { 'line-style': 'dotted', 'line-opacity': 0.9 } },
        { selector: '.later', style: { opacity: 0.06, events: 'no' } },
        { selector: '.chosen', style: { 'line-opacity': 1, 'border-width': 3, 'border-color': text } },
      ],
      layout: { name: 'preset', fit: true, padding: few ? 56 : 24 } as cytoscape.LayoutOptions,
      maxZoom: 2.2, minZoom: 0.05, autoungrabify: true, hideEdgesOnViewport: all.lines.length > 800, textureOnViewport: all.points.length > 300,
    })
    if (few) { cy.zoom(1); cy.center() }
    if (!few) {
      const name = () => {
        const close = cy.zoom() > 0.9
        if (close !== cy.scratch('close')) cy.scratch('close', close).batch(() => cy.nodes().toggleClass('named', close))
      }
      name()
      cy.on('zoom', name)
    }
    const strandOf = (id: string) => (id.startsWith('strand ') ? Number(id.slice(7)) : null)
    cy.on('tap', 'edge', (ev) => { const s = ev.target.data('strand') as number; onChoose(s < 0 ? null : s) })
    cy.on('tap', 'node', (ev) => { const s = strandOf(ev.target.id()); if (s !== null) onChoose(s) })
    cy.on('tap', (ev) => { if (ev.target === cy) onChoose(null) })
    cy.on('mouseover', 'edge, node[kind = "strand"]', () => { if (host.current) host.current.style.cursor = 'pointer' })
    cy.on('mouseout', 'edge, node', () => { if (host.current) host.current.style.cursor = '' })
    graph.current = cy
    return () => { graph.current = null; cy.destroy() }
    // color depends on all only
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [all, places, scheme, on])
  useEffect(() => {
    const cy = graph.current
    cy?.batch(() => cy.elements().forEach((e) => {
      const later = until !== null && (e.data('first') as number) > until
      if (later !== e.scratch('later')) e.scratch('later', later).toggleClass('later', later)
    }))
  }, [until, places, scheme, on])
  useEffect(() => {
    const cy = graph.current
    cy?.batch(() => {
      cy.elements('.chosen').removeClass('chosen')
      if (chosen !== null) cy.elements(`edge[strand = ${chosen}], node[id = "strand ${chosen}"]`).addClass('chosen')
    })
  }, [chosen, places, scheme, on])
  return (
    <div style={{ position: 'relative', height: 'min(62vh, 520px)', minHeight: 320 }} aria-busy={!places}>
      {!places && <Center h="100%" role="status" aria-label="Loading"><Loader aria-hidden /></Center>}
      <div ref={host} role="img" aria-label={`${all.points.filter((p) => p.kind === 'identifier').length} identifiers and what ties them. The same stands in the list below.`} style={{ position: 'absolute', inset: 0 }} />
    </div>
  )
}

// filling stretches places to a window, so that few points keep the size of their labels.
function filling(places: Places, width: number, height: number): Places {
  const room: [number, number] = [Math.max(120, width - 130), Math.max(120, height - 120)]
  const range = ([0, 1] as const).map((k) => [Math.min(...places.map((p) => p[k])), Math.max(...places.map((p) => p[k]))] as const)
  const scale = range.map(([a, b], k) => (b > a ? Math.min(2.2, room[k]! / (b - a)) : 1))
  return places.map(([x, y]) => [(x - range[0]![0]) * scale[0]!, (y - range[1]![0]) * scale[1]!])
}

const short = (s: string) => (s.length > 26 ? s.slice(0, 24) + '…' : s)
