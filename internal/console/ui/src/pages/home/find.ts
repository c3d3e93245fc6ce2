import { api, ApiError, ok, type Schemas } from '../../api/client'

export type Hit = Schemas['Found']
export type Found = { hits: Hit[]; progress: number | null }

// findPeople finds people and accounts by a text: words with which identifiers or names
// begin, or trait:value. progress says how far the index is while it is being made.
export async function findPeople(space: string, text: string, signal: AbortSignal): Promise<Found> {
  const ask = (collection: 'users' | 'accounts') => ok(api.GET('/api/spaces/{space}/find', { params: { path: { space }, query: { q: text, collection, limit: 8 } }, signal }))
  if (/^(use|acc)_[0-9A-Za-z]{27}$/.test(text)) return { hits: await byID(space, text, signal), progress: null }
  try {
    const [users, accounts] = await Promise.all([ask('users'), ask('accounts')])
    return { hits: [...users.data, ...accounts.data], progress: users.index.complete ? null : users.index.progress }
  } catch (e) {
    if (e instanceof ApiError && e.status === 400) return { hits: [], progress: null } // not a whole query yet
    throw e
  }
}

async function byID(space: string, id: string, signal: AbortSignal): Promise<Hit[]> {
  const collection = id.startsWith('acc_') ? 'accounts' : 'users'
  try {
    const p = await ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}', { params: { path: { space, collection, profile: id } }, signal }))
    return [{
      id: p.id, collection, provisional: p.provisional, matches: [], more_identifiers: Math.max(0, p.identifiers.length - 20),
      identifiers: p.identifiers.slice(0, 20), traits: Object.fromEntries(p.traits.map((t) => [t.name, t.value])) as Hit['traits'],
    }]
  } catch (e) {
    if (e instanceof ApiError && e.status === 404) return []
    throw e
  }
}
