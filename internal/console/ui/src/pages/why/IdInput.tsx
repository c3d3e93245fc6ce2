import { Autocomplete } from '@mantine/core'

// IdInput takes an identifier. Where people leave its type out, the likeliest is taken.
export function IdInput({ label, value, onChange, suggest = [] }: { label: string; value: string; onChange: (v: string) => void; suggest?: string[] }) {
  return (
    <Autocomplete label={label} placeholder="email:jane@example.com" value={value} onChange={onChange} data={[...new Set(suggest)]} limit={30} style={{ flex: '1 1 260px' }} selectFirstOptionOnChange={false} />
  )
}

export function complete(text: string): string {
  const t = text.trim()
  if (!t || t.includes(':') || /^(use|acc)_[0-9A-Za-z]{27}$/.test(t)) return t
  return (t.includes('@') ? 'email:' : 'user_id:') + t
}
