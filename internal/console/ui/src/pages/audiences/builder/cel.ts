import type { RuleGroupType, RuleType } from 'react-querybuilder'

// Conditions are written as CEL in one form only, so that what was written can be read
// again; text of other forms is left alone. A rule's field says what it is about:
//   event:Order Completed   did, not          EventValue
//   trait:plan              == != >= > <= <   text; full, empty: of a list
//   identifier:email        has, hasNot
//   audience:vip            in, notIn
export type Query = RuleGroupType
export type EventValue = { atLeast: number; within: string; property: string; op: string; value: string }

export const freshEvent: EventValue = { atLeast: 1, within: '30d', property: '', op: '==', value: '' }
export const comparisons = ['==', '!=', '>=', '>', '<=', '<']

const quote = (s: string) => JSON.stringify(s)
const literal = (s: string) => (/^-?\d+(\.\d+)?$/.test(s) || s === 'true' || s === 'false' ? s : quote(s))

// about splits a rule's field into what it is about and its name.
export function about(field: string): [kind: string, name: string] {
  const at = field.indexOf(':')
  return [field.slice(0, at), field.slice(at + 1)]
}

// isWhole reports whether a rule says all that it has to.
export function isWhole(q: Query): boolean {
  return q.rules.length > 0 && q.rules.every((r) => ('rules' in r ? isWhole(r) : about(r.field)[1] !== ''))
}

function write(r: RuleType): string {
  const [kind, name] = about(r.field)
  switch (kind) {
    case 'event': {
      const v = { ...freshEvent, within: '', ...(r.value as Partial<EventValue>) }
      const where = v.property ? `, ${v.property} ${v.op} ${literal(v.value)}` : ''
      const events = `events(${quote(name)}${where})${v.within ? `.within(${quote(v.within)})` : ''}.count()`
      return r.operator === 'not' ? `${events} == 0` : `${events} >= ${Math.max(1, Math.round(v.atLeast))}`
    }
    case 'identifier': return `identifiers.${name}.size() ${r.operator === 'hasNot' ? '== 0' : '> 0'}`
    case 'audience': return `${r.operator === 'notIn' ? '!' : ''}audiences.${name}`
    default:
      if (r.operator === 'full' || r.operator === 'empty') return `size(traits.${name}) ${r.operator === 'empty' ? '== 0' : '> 0'}`
      return `traits.${name} ${r.operator} ${literal(String(r.value ?? ''))}`
  }
}

export function toCEL(q: Query): string {
  const parts = q.rules.map((r) => ('rules' in r ? (r.not ? toCEL(r) : `(${toCEL(r)})`) : write(r)))
  const all = parts.join(q.combinator === 'or' ? ' || ' : ' && ')
  return q.not ? `!(${all})` : all
}

const name = '([A-Za-z_][A-Za-z0-9_]*)'
const text = '("(?:[^"\\\\]|\\\\.)*")'
const value = `(-?\\d+(?:\\.\\d+)?|true|false|${text.slice(1, -1)})`
const op = '(==|!=|>=|>|<=|<)'
const read = (s: string) => (s.startsWith('"') ? (JSON.parse(s) as string) : s)
const events = `events\\(${text}(?:, ${name} ${op} ${value})?\\)(?:\\.within\\(${text}\\))?\\.count\\(\\)`
const eventOf = (m: RegExpMatchArray, operator: string, atLeast: number): RuleType => ({
  field: 'event:' + read(m[1]!), operator, value: { atLeast, within: m[5] ? read(m[5]) : '', property: m[2] ?? '', op: m[3] ?? '==', value: m[4] ? read(m[4]) : '' } satisfies EventValue,
})
const forms: [RegExp, (m: RegExpMatchArray) => RuleType][] = [
  [new RegExp(`^${events} >= (\\d+)$`), (m) => eventOf(m, 'did', Number(m[6]))],
  [new RegExp(`^${events} == 0$`), (m) => eventOf(m, 'not', 1)],
  [new RegExp(`^traits\\.${name} ${op} ${value}$`), (m) => ({ field: 'trait:' + m[1], operator: m[2]!, value: read(m[3]!) })],
  [new RegExp(`^size\\(traits\\.${name}\\) (> 0|== 0)$`), (m) => ({ field: 'trait:' + m[1], operator: m[2] === '== 0' ? 'empty' : 'full', value: '' })],
  [new RegExp(`^identifiers\\.${name}\\.size\\(\\) (> 0|== 0)$`), (m) => ({ field: 'identifier:' + m[1], operator: m[2] === '> 0' ? 'has' : 'hasNot', value: '' })],
  [new RegExp(`^(!?)audiences\\.${name}$`), (m) => ({ field: 'audience:' + m[2], operator: m[1] ? 'notIn' : 'in', value: '' })],
]

function group(cel: string): Query | null {
  const not = inner(cel, '!(')
  const all = not ?? cel
  const combinator = splitTop(all, '||').length > 1 ? 'or' : 'and'
  const rules: (RuleType | Query)[] = []
  for (const part of splitTop(all, combinator === 'or' ? '||' : '&&')) {
    const nested = inner(part, '(') !== null ? group(inner(part, '(')!) : inner(part, '!(') !== null ? group(part) : atom(part)
    if (!nested) return null
    rules.push(nested)
  }
  return { combinator, ...(not !== null ? { not: true } : {}), rules }
}

function atom(part: string): RuleType | null {
  for (const [form, make] of forms) {
    const m = part.match(form)
    if (m) return make(m)
  }
  return null
}

// inner is what stands in the parentheses that begin and end a text; null if they do not
// belong together.
function inner(s: string, open: string): string | null {
  if (!s.startsWith(open) || !s.endsWith(')')) return null
  let end = -1
  scan(s, (i, depth) => { if (depth === 0 && end < 0 && i >= open.length - 1) end = i })
  return end === s.length - 1 ? s.slice(open.length, -1) : null
}

// fromCEL reads what toCEL writes; null for any other text.
export function fromCEL(cel: string): Query | null {
  try {
    const q = group(cel.trim())
    // Only what comes out the same is the builder's to change.
    return q && toCEL(q) === cel.trim() ? q : null
  } catch {
    return null // a string with escapes that JSON has not
  }
}

// scan calls f for each character outside of quotes, with the depth after it.
function scan(s: string, f: (i: number, depth: number) => void) {
  let quoted = false, depth = 0
  for (let i = 0; i < s.length; i++) {
    if (s[i] === '\\' && quoted) { i++; continue }
    if (s[i] === '"') quoted = !quoted
    if (quoted) continue
    if (s[i] === '(') depth++
    if (s[i] === ')') depth--
    f(i, depth)
  }
}

// splitTop splits at an operator outside of quotes and parentheses.
function splitTop(s: string, by: string): string[] {
  const out: string[] = []
  let from = 0
  scan(s, (i, depth) => {
    if (depth !== 0 || i < from || !s.startsWith(by, i)) return
    out.push(s.slice(from, i).trim())
    from = i + by.length
  })
  out.push(s.slice(from).trim())
  return out
}
