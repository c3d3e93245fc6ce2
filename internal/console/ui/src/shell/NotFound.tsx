import { Anchor } from '@mantine/core'
import { Empty } from '../parts/parts'

export function NotFound() {
  return (
    <main>
      <Empty title="There is no such page">
        <Anchor href="/">To the start</Anchor>
      </Empty>
    </main>
  )
}
