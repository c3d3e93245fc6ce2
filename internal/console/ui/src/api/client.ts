import createClient from 'openapi-fetch'
import type { components, paths } from './schema'

export type Schemas = components['schemas']

// ApiError is what the server says when it does not do what was asked.
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: string[] = [],
    readonly requestId = '',
  ) {
    super(message)
  }
}

export const api = createClient<paths>({ baseUrl: '', credentials: 'same-origin' })

const nameKey = 'selfsame.name'
export const whoAmI = () => localStorage.getItem(nameKey) ?? ''
export const setWhoAmI = (name: string) => (name ? localStorage.setItem(nameKey, name) : localStorage.removeItem(nameKey))

api.use({
  onRequest({ request }) {
    const name = whoAmI()
    if (name && request.method !== 'GET') request.headers.set('Selfsame-User', encodeName(name))
    return request
  },
})

// Header values are Latin-1: what does not fit goes without its accents, or not at all.
function encodeName(name: string) {
  return name.normalize('NFKD').replace(/[^\x20-\x7e]/g, '').slice(0, 100)
}

type Answer<T> = { data?: T; error?: unknown; response: Response }

// ok gives the value of an answer, or throws what the server said.
export async function ok<T>(call: Promise<Answer<T>>): Promise<T> {
  return (await full(call)).data
}

// full is ok with the response, for its headers.
export async function full<T>(call: Promise<Answer<T>>): Promise<{ data: T; response: Response }> {
  let answer: Answer<T>
  try {
    answer = await call
  } catch {
    throw new ApiError(0, 'unreachable', 'The server cannot be reached. Is it running, and is this computer online?')
  }
  if (answer.response.ok) return { data: answer.data as T, response: answer.response }
  const e = (answer.error as { error?: { code?: string; message?: string; details?: string[] } } | undefined)?.error
  throw new ApiError(
    answer.response.status,
    e?.code ?? 'error',
    e?.message ?? `The server answered ${answer.response.status}.`,
    e?.details ?? [],
    answer.response.headers.get('Request-Id') ?? '',
  )
}
