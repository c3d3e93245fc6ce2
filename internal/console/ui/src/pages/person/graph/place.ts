import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationLinkDatum, type SimulationNodeDatum } from 'd3-force'

export type ToPlace = { sizes: number[]; lines: [from: number, to: number][] }
export type Places = [x: number, y: number][]

// place finds places for points that are tied by lines: what is tied lies close together,
// and nothing lies on anything else. The same points get the same places.
export function place({ sizes, lines }: ToPlace): Places {
  const nodes: (SimulationNodeDatum & { r: number })[] = sizes.map((r) => ({ r }))
  const links: SimulationLinkDatum<(typeof nodes)[number]>[] = lines.map(([source, target]) => ({ source, target }))
  const many = nodes.length > 150
  forceSimulation(nodes)
    .force('lines', forceLink(links).distance(many ? 46 : 92).strength(many ? 0.35 : 0.6))
    .force('apart', forceManyBody().strength(many ? -70 : -420).distanceMax(many ? 420 : 900))
    .force('room', forceCollide<(typeof nodes)[number]>((n) => n.r + (many ? 4 : 26)))
    .force('x', forceX(0).strength(many ? 0.05 : 0.06))
    .force('y', forceY(0).strength(many ? 0.07 : 0.12))
    .stop()
    .tick(nodes.length > 600 ? 160 : 300)
  return nodes.map((n) => [n.x ?? 0, n.y ?? 0])
}
