import { api, ok, type Schemas } from '../../api/client'
import type { Collection } from './Person'

// readStory reads how a profile came to be, the first steps of it.
export const readStory = (space: string, collection: Collection, profile: string, limit: number) =>
  ok(api.GET('/api/spaces/{space}/profiles/{collection}/{profile}/story', { params: { path: { space, collection, profile }, query: { limit } } })) as Promise<Schemas['Story']>
