import { useEffect, useState } from 'react'
import type { Places, ToPlace } from './place'

// usePlaces has points placed beside the page's own work; null until that is done.
export function usePlaces(what: ToPlace): Places | null {
  const [done, setDone] = useState<{ of: ToPlace; places: Places } | null>(null)
  useEffect(() => {
    const worker = new Worker(new URL('./place.worker.ts', import.meta.url), { type: 'module' })
    worker.onmessage = (e: MessageEvent<Places>) => setDone({ of: what, places: e.data })
    worker.postMessage(what)
    return () => worker.terminate()
  }, [what])
  return done?.of === what ? done.places : null
}
