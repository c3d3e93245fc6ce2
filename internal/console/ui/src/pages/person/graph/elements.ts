import type { Schemas } from '../../../api/client'

export type Point = {
  id: string
  kind: 'identifier' | 'strand' | 'out' // out: it was kept out
  label: { type: string; value: string } | null
  app: string
  first: number
  events: number
}
// Line is what ties two points: a strand, a decision, or what was kept out.
export type Line = { from: string; to: string; app: string; first: number; events: number; strand: number; kind: 'tie' | 'out' | 'decided' }
export type Elements = { points: Point[]; lines: Line[]; apps: string[] }

const ms = (t: string | null) => (t ? new Date(t).getTime() : 0)

// elements makes points and lines of what holds a profile together. A strand with two
// identifiers is a line; one with more is a point of its own with a line to each.
export function elements(g: Schemas['ProfileGraph']): Elements {
  const points = new Map<string, Point>()
  const lines: Line[] = []
  const apps = new Set<string>()
  g.identifiers.forEach((i) => points.set(i.id, { id: i.id, kind: 'identifier', label: { type: i.type, value: i.value }, app: i.app, first: ms(i.first), events: 0 }))
  g.strands.forEach((s, strand) => {
    const ids = s.identifiers.map((n) => g.identifiers[n]!.id)
    const first = ms(s.first)
    const tie = { app: s.app, first, events: s.events, strand }
    apps.add(s.app)
    for (const id of ids) points.get(id)!.events += s.events
    let middle = ids[0]
    if (ids.length === 2) lines.push({ from: ids[0]!, to: ids[1]!, kind: 'tie', ...tie })
    if (ids.length > 2) {
      middle = `strand ${strand}`
      points.set(middle, { id: middle, kind: 'strand', label: null, app: s.app, first, events: s.events })
      for (const id of ids) lines.push({ from: middle, to: id, kind: 'tie', ...tie })
    }
    for (const out of s.kept_out) {
      if (!middle) continue
      if (!points.has(out.id)) {
        const at = out.id.indexOf(':')
        points.set(out.id, { id: out.id, kind: 'out', label: { type: out.id.slice(0, at), value: out.id.slice(at + 1) }, app: '', first, events: 0 })
      }
      lines.push({ from: middle, to: out.id, kind: 'out', ...tie })
    }
  })
  for (const d of g.decisions) lines.push({ from: d.from, to: d.to, kind: 'decided', app: '', first: ms(d.at), events: 0, strand: -1 })
  const known = lines.filter((l) => points.has(l.from) && points.has(l.to))
  return { points: [...points.values()], lines: known, apps: [...apps] }
}
