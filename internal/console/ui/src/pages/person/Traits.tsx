import { IconTag } from '@tabler/icons-react'
import type { Schemas } from '../../api/client'
import { text } from '../../parts/format'
import { Personal } from '../../parts/mask'
import { Empty, When } from '../../parts/parts'

export function Traits({ profile }: { profile: Schemas['Profile'] }) {
  if (profile.traits.length === 0) {
    return <Empty icon={<IconTag size={36} />} title="No traits yet">Traits come with identify calls: a name, an email, a plan.</Empty>
  }
  const traits = [...profile.traits].sort((a, b) => a.name.localeCompare(b.name))
  return (
    <table className="rows">
      <thead><tr><th>Trait</th><th>Value</th><th>Since</th><th>Source</th></tr></thead>
      <tbody>
        {traits.map((t) => (
          <tr key={t.name}>
            <td style={{ fontWeight: 550 }}>{t.name}</td>
            <td className="wide" style={{ overflowWrap: 'anywhere' }}><Personal>{text(t.value)}</Personal></td>
            <td style={{ whiteSpace: 'nowrap' }}><When at={t.time} /></td>
            <td>{t.source}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
