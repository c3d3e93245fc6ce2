const number = new Intl.NumberFormat(undefined)
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 })

export const count = (n: number) => (Math.abs(n) >= 100_000 ? compact.format(n) : number.format(n))
export const exact = (n: number) => number.format(n)

// some says a number of things: "1 event", "3 events".
export const some = (n: number, one: string, many = one + 's') => `${count(n)} ${n === 1 ? one : many}`

const sameYear: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' }
const dayOnly = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })
const thisYear = new Intl.DateTimeFormat(undefined, sameYear)
const anyYear = new Intl.DateTimeFormat(undefined, { ...sameYear, year: 'numeric' })
const withSeconds = new Intl.DateTimeFormat(undefined, { ...sameYear, year: 'numeric', second: '2-digit' })

type Time = string | Date | null | undefined

// shownTime shows a time, and a dash for what is none: one odd value must not take the
// page with it.
function shownTime(t: Time, show: (d: Date) => string) {
  const d = new Date(t ?? NaN)
  return Number.isNaN(d.getTime()) ? '—' : show(d)
}

export const when = (t: Time, now = new Date()) => shownTime(t, (d) => (d.getFullYear() === now.getFullYear() ? thisYear : anyYear).format(d))
export const whenExact = (t: Time) => shownTime(t, (d) => withSeconds.format(d))
export const day = (t: Time) => shownTime(t, (d) => dayOnly.format(d))
export const utc = (t: Time) => shownTime(t, (d) => d.toISOString().replace('T', ' ').replace(/\.?0*Z$/, ' UTC'))

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' })
const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600], ['month', 2_629_800], ['week', 604_800], ['day', 86_400], ['hour', 3600], ['minute', 60],
]

// ago says how long ago something was, in words.
export const ago = (t: Time, now = Date.now()) => shownTime(t, (d) => {
  const s = (d.getTime() - now) / 1000
  for (const [unit, size] of steps) if (Math.abs(s) >= size) return relative.format(Math.trunc(s / size), unit)
  return Math.abs(s) < 10 ? 'just now' : relative.format(Math.trunc(s), 'second')
})

// lasting says how long something took, roughly.
export function lasting(ms: number) {
  if (!Number.isFinite(ms)) return '—'
  const s = ms / 1000
  const units: [number, string][] = [[31_557_600, 'year'], [2_629_800, 'month'], [86_400, 'day'], [3600, 'hour'], [60, 'minute']]
  for (const [size, name] of units) if (s >= size) return some(Math.floor(s / size), name)
  return some(Math.round(s), 'second')
}

// split takes a type:value apart at its first colon.
export function split(id: string): [type: string, value: string] {
  const at = id.indexOf(':')
  return at < 0 ? ['', id] : [id.slice(0, at), id.slice(at + 1)]
}

const typeNames: Record<string, string> = {
  user_id: 'User ID', email: 'Email', anonymous_id: 'Cookie', group_id: 'Account ID', phone: 'Phone',
  'ios.id': 'iPhone', 'android.id': 'Android device', 'ios.idfa': 'iOS advertising ID', 'android.idfa': 'Android advertising ID',
  'ios.push_token': 'iOS push token', 'android.push_token': 'Android push token', ga_client_id: 'Google Analytics', braze_id: 'Braze',
  cross_domain_id: 'Cross-domain ID',
}
export const typeName = (type: string) => typeNames[type] ?? type

// text shows a JSON value in a line.
export function text(v: unknown): string {
  if (v === null || v === undefined) return '—'
  if (typeof v === 'string') return v
  if (typeof v === 'number') return number.format(v)
  if (typeof v === 'boolean') return v ? 'yes' : 'no'
  if (Array.isArray(v) && v.every((x) => typeof x !== 'object')) return v.map(text).join(', ') || 'none'
  return JSON.stringify(v)
}
