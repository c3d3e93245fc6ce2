import { api, full, type Schemas } from '../../api/client'

export type Change = { make: Schemas['NewOverride'] } | { takeBack: Schemas['Override'] }

export type Outcome = { change: Schemas['Regrouping']; etag: string }

// decide makes a decision about who is who, or takes one back; with preview it only
// says what would change. etag is that of the preview on which the change relies.
export async function decide(space: string, c: Change, preview: boolean, why: string, etag: string): Promise<Outcome> {
  const header = etag ? { 'If-Match': etag } : {}
  const { data, response } = 'make' in c
    ? await full(api.POST('/api/spaces/{space}/overrides', {
        params: { path: { space }, query: { preview }, header }, body: { ...c.make, ...(why ? { why } : {}) },
      }))
    : await full(api.DELETE('/api/spaces/{space}/overrides/{override}', {
        params: { path: { space, override: c.takeBack.id }, query: { preview, ...(why ? { why } : {}) }, header },
      }))
  return { change: data as Schemas['Regrouping'], etag: response.headers.get('ETag') ?? '' }
}


// titleOf names a kind of decision.
export function titleOf(o: Pick<Schemas['NewOverride'], 'kind' | 'ids'>): string {
  switch (o.kind) {
    case 'same': return 'The same person'
    case 'cannot_link': return 'Different people'
    case 'isolate': return 'Identifies nobody'
    case 'drop': return 'Left out of one combination'
    case 'split': return 'Taken apart'
  }
}

