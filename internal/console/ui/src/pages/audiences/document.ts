import { parseDocument, type Document } from 'yaml'
import { api, full, ok, type Schemas } from '../../api/client'

export type TraitBody = { name?: string; kind: string; event?: string | string[]; property?: string; window?: string; where?: string; [k: string]: unknown }
export type AudienceBody = { name?: string; when: string; anonymous?: boolean; [k: string]: unknown }

export const open = (text: string): Document => parseDocument(text || '{}')

export function traitOf(text: string, key: string): TraitBody | undefined {
  return (open(text).toJS() as { traits?: Record<string, TraitBody> } | null)?.traits?.[key]
}
export function audienceOf(text: string, key: string): AudienceBody | undefined {
  return (open(text).toJS() as { audiences?: Record<string, AudienceBody> } | null)?.audiences?.[key]
}

// put writes one definition into a document and leaves all other text as it is.
export function put(text: string, section: 'traits' | 'audiences', key: string, body: TraitBody | AudienceBody): string {
  const doc = open(text)
  if (!doc.has(section)) doc.setIn([section], doc.createNode({}))
  const old = doc.getIn([section, key], true) as { items?: unknown } | undefined
  if (old && 'items' in old) {
    const before = (doc.toJS() as Record<string, Record<string, Record<string, unknown>>>)[section]![key]!
    for (const k of Object.keys(before)) if (!(k in body)) doc.deleteIn([section, key, k])
    for (const [k, v] of Object.entries(body)) if (JSON.stringify(before[k]) !== JSON.stringify(v)) doc.setIn([section, key, k], doc.createNode(v))
  } else {
    doc.setIn([section, key], doc.createNode(body))
  }
  const top = doc.contents as { flow?: boolean } | null
  if (top && text.trim() === '') top.flow = false
  return doc.toString({ lineWidth: 0 })
}

export function drop(text: string, section: 'traits' | 'audiences', key: string): string {
  const doc = open(text)
  doc.deleteIn([section, key])
  return doc.toString({ lineWidth: 0 })
}

export async function readDefinitions(space: string) {
  const { data, response } = await full(api.GET('/api/spaces/{space}/definitions', { params: { path: { space } } }))
  return { ...data, etag: response.headers.get('ETag') ?? '' }
}

const yaml = { bodySerializer: (b: unknown) => b as string, headers: { 'Content-Type': 'application/yaml' } }

export const checkDefinitions = (space: string, text: string): Promise<Schemas['DefinitionsChange']> =>
  ok(api.POST('/api/spaces/{space}/definitions/check', { params: { path: { space } }, body: text as never, ...yaml }))

export const setDefinitions = (space: string, text: string, etag: string, why: string): Promise<Schemas['DefinitionsChange']> =>
  ok(api.PUT('/api/spaces/{space}/definitions', {
    params: { path: { space }, query: why ? { why } : {}, header: etag ? { 'If-Match': etag } : {} }, body: text as never, ...yaml,
  }))

// previewAudience says who would be in an audience of a document.
export const previewAudience = (space: string, text: string, audience: string, signal?: AbortSignal): Promise<Schemas['AudiencePreview']> =>
  ok(api.POST('/api/spaces/{space}/audiences/{audience}/preview', { params: { path: { space, audience } }, body: text as never, ...yaml, ...(signal ? { signal } : {}) }))
