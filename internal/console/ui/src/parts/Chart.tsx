import { useComputedColorScheme } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { count, whenExact } from './format'

export type Line = { label: string; values: number[]; color: string; fill?: boolean }

// Chart shows counts over time. The same numbers stand in a table for who cannot see it.
export default function Chart({ times, lines, height = 200, label }: { times: number[]; lines: Line[]; height?: number; label: string }) {
  const host = useRef<HTMLDivElement>(null)
  const { ref, width } = useElementSize()
  const scheme = useComputedColorScheme('light')
  useEffect(() => {
    if (!host.current || width < 50) return
    const muted = scheme === 'dark' ? '#a3adc2' : '#586277'
    const grid = scheme === 'dark' ? '#2a3040' : '#eceef3'
    const axis = { stroke: muted, grid: { stroke: grid, width: 1 }, ticks: { show: false }, font: '12px Inter Variable, sans-serif' }
    const plot = new uPlot(
      {
        width, height,
        legend: { show: false },
        cursor: { y: false, points: { size: 7 } },
        scales: { y: { range: (_, min, max) => [Math.min(0, min), Math.max(4, max * 1.12)] } },
        axes: [axis, { ...axis, size: 52, values: (_, v) => v.map((n) => (Number.isInteger(n) ? count(n) : '')) }],
        series: [
          {},
          ...lines.map((l) => ({ label: l.label, stroke: l.color, width: 2, fill: l.fill ? l.color + '22' : undefined, points: { show: times.length < 3 } })),
        ],
      },
      [times, ...lines.map((l) => l.values)],
      host.current,
    )
    return () => plot.destroy()
  }, [times, lines, width, height, scheme])
  return (
    <figure style={{ margin: 0 }}>
      <div ref={ref}><div ref={host} role="img" aria-label={label} style={{ minHeight: height }} /></div>
      {lines.length > 1 && (
        <figcaption style={{ display: 'flex', gap: 16, flexWrap: 'wrap', fontSize: 13, marginTop: 6 }} className="muted">
          {lines.map((l) => <span key={l.label}><span style={{ display: 'inline-block', width: 10, height: 10, borderRadius: 3, background: l.color, marginRight: 6 }} />{l.label}</span>)}
        </figcaption>
      )}
      <details style={{ fontSize: 13, marginTop: 6 }} className="muted">
        <summary style={{ cursor: 'pointer' }}>As a table</summary>
        <div style={{ maxHeight: 260, overflow: 'auto' }} tabIndex={0}>
          <table className="rows">
            <thead><tr><th>From</th>{lines.map((l) => <th key={l.label}>{l.label}</th>)}</tr></thead>
            <tbody>
              {times.map((t, i) => <tr key={t}><td>{whenExact(new Date(t * 1000))}</td>{lines.map((l) => <td key={l.label} className="num">{count(l.values[i] ?? 0)}</td>)}</tr>)}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  )
}
