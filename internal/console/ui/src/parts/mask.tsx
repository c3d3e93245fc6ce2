import { createContext, use, useState, type ReactNode } from 'react'

// Masking hides personal data on the screen, for showing it to others.
const Mask = createContext({ on: false, set: (_: boolean) => {} })

export function MaskProvider({ children }: { children: ReactNode }) {
  const [on, set] = useState(() => localStorage.getItem('selfsame.mask') === 'on')
  const change = (v: boolean) => {
    localStorage.setItem('selfsame.mask', v ? 'on' : 'off')
    set(v)
  }
  return <Mask value={{ on, set: change }}>{children}</Mask>
}

export const useMask = () => use(Mask)

// masked keeps just enough of a text to tell it from its neighbours.
export function masked(s: string) {
  const at = s.indexOf('@')
  if (at > 0) return s[0] + '•••@•••'
  return s.length <= 2 ? '••' : s[0] + '•••' + (s.length > 8 ? s.slice(-2) : '')
}

// maskedJSON hides all texts and numbers of a value.
export function maskedJSON(v: unknown): unknown {
  if (typeof v === 'string') return masked(v)
  if (typeof v === 'number') return 0
  if (Array.isArray(v)) return v.map(maskedJSON)
  if (v && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, maskedJSON(x)]))
  return v
}

// Personal is text that says who somebody is.
export function Personal({ children }: { children: string }) {
  const { on } = useMask()
  return <>{on ? masked(children) : children}</>
}
