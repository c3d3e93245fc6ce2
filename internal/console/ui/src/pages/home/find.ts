import { api, ApiError, ok, type Schemas } from '../../api/client'

// Until identifiers can be searched by their beginning, a text is tried as a value of
// each usual type.
const types = ['email', 'user_id', 'anonymous_id', 'phone', 'ios.id', 'android.id']

async function one(space: string, collection: 'users' | 'accounts', id: string, signal: AbortSignal) {
  try {
    return await ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}', { params: { path: { space, collection, profile: id } }, signal }))
  } catch (e) {
    if (e instanceof ApiError && (e.status === 404 || e.status === 400)) return undefined
    throw e
  }
}

// findPeople finds profiles by a text, the likeliest first.
export async function findPeople(space: string, text: string, signal: AbortSignal): Promise<Schemas['Profile'][]> {
  const asked = text.includes(':') || /^use_|^acc_/.test(text)
    ? [one(space, text.startsWith('acc_') || text.startsWith('group_id:') ? 'accounts' : 'users', text, signal)]
    : [
        ...(text.includes('@') ? ['email'] : types).map((t) => one(space, 'users', `${t}:${text}`, signal)),
        one(space, 'accounts', `group_id:${text}`, signal),
      ]
  const out = new Map<string, Schemas['Profile']>()
  for (const p of await Promise.all(asked)) if (p) out.set(p.id, p)
  return [...out.values()]
}
