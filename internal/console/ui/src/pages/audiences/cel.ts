// Conditions are what the builder can say of people. Each is written as CEL in one form
// only, so that what was written can be read again; text of other forms is left alone.
export type Condition =
  | { kind: 'event'; did: boolean; event: string; within: string; atLeast: number }
  | { kind: 'trait'; trait: string; op: Op; value: string }
  | { kind: 'list'; trait: string; empty: boolean }
  | { kind: 'identifier'; type: string; has: boolean }
  | { kind: 'audience'; key: string; member: boolean }

export type Op = '==' | '!=' | '>=' | '>' | '<=' | '<'
export type Group = { all: boolean; conditions: Condition[] }

const quote = (s: string) => JSON.stringify(s)
const isNumber = (s: string) => /^-?\d+(\.\d+)?$/.test(s)
const literal = (s: string) => (isNumber(s) || s === 'true' || s === 'false' ? s : quote(s))

function write(c: Condition): string {
  switch (c.kind) {
    case 'event': {
      const events = `events(${quote(c.event)})${c.within ? `.within(${quote(c.within)})` : ''}.count()`
      return c.did ? `${events} >= ${Math.max(1, Math.round(c.atLeast))}` : `${events} == 0`
    }
    case 'trait': return `traits.${c.trait} ${c.op} ${literal(c.value)}`
    case 'list': return `size(traits.${c.trait}) ${c.empty ? '== 0' : '> 0'}`
    case 'identifier': return `identifiers.${c.type}.size() ${c.has ? '> 0' : '== 0'}`
    case 'audience': return `${c.member ? '' : '!'}audiences.${c.key}`
  }
}

export const toCEL = (g: Group) => g.conditions.map(write).join(g.all ? ' && ' : ' || ')

const key = '([A-Za-z_][A-Za-z0-9_]*)'
const text = '("(?:[^"\\\\]|\\\\.)*")'
const forms: [RegExp, (m: RegExpMatchArray) => Condition][] = [
  [new RegExp(`^events\\(${text}\\)(?:\\.within\\(${text}\\))?\\.count\\(\\) >= (\\d+)$`), (m) => ({ kind: 'event', did: true, event: JSON.parse(m[1]!), within: m[2] ? JSON.parse(m[2]) : '', atLeast: Number(m[3]) })],
  [new RegExp(`^events\\(${text}\\)(?:\\.within\\(${text}\\))?\\.count\\(\\) == 0$`), (m) => ({ kind: 'event', did: false, event: JSON.parse(m[1]!), within: m[2] ? JSON.parse(m[2]) : '', atLeast: 1 })],
  [new RegExp(`^traits\\.${key} (==|!=|>=|>|<=|<) (-?\\d+(?:\\.\\d+)?|true|false)$`), (m) => ({ kind: 'trait', trait: m[1]!, op: m[2] as Op, value: m[3]! })],
  [new RegExp(`^traits\\.${key} (==|!=|>=|>|<=|<) ${text}$`), (m) => ({ kind: 'trait', trait: m[1]!, op: m[2] as Op, value: JSON.parse(m[3]!) })],
  [new RegExp(`^size\\(traits\\.${key}\\) (> 0|== 0)$`), (m) => ({ kind: 'list', trait: m[1]!, empty: m[2] === '== 0' })],
  [new RegExp(`^identifiers\\.${key}\\.size\\(\\) (> 0|== 0)$`), (m) => ({ kind: 'identifier', type: m[1]!, has: m[2] === '> 0' })],
  [new RegExp(`^(!?)audiences\\.${key}$`), (m) => ({ kind: 'audience', key: m[2]!, member: m[1] === '' })],
]

// fromCEL reads what toCEL writes; null for any other text.
export function fromCEL(cel: string): Group | null {
  for (const all of [true, false]) {
    const parts = splitTop(cel.trim(), all ? '&&' : '||')
    const conditions = parts.map((p) => {
      for (const [form, make] of forms) {
        const m = p.match(form)
        if (m) return make(m)
      }
      return null
    })
    if (conditions.every((c) => c !== null)) {
      const g = { all, conditions: conditions as Condition[] }
      // Only what comes out the same is the builder's to change.
      if (toCEL(g) === cel.trim()) return g
    }
  }
  return null
}

// splitTop splits at an operator outside of quotes.
function splitTop(s: string, op: string): string[] {
  const out: string[] = []
  let quoted = false, from = 0
  for (let i = 0; i < s.length; i++) {
    if (s[i] === '\\' && quoted) { i++; continue }
    if (s[i] === '"') quoted = !quoted
    else if (!quoted && s.startsWith(op, i)) {
      out.push(s.slice(from, i).trim())
      from = i + op.length
      i = from - 1
    }
  }
  out.push(s.slice(from).trim())
  return out
}
