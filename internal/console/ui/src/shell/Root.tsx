import { useQuery } from '@tanstack/react-query'
import { Navigate, Outlet } from '@tanstack/react-router'
import { api, ok } from '../api/client'
import { Empty, Problem, Spinner } from '../parts/parts'
import { SignIn } from './SignIn'

// Root asks who is there before it shows anything.
export function Root() {
  const session = useQuery({
    queryKey: ['session'],
    queryFn: async () => (await ok(api.GET('/api/session'))).signed_in,
    staleTime: Infinity,
  })
  if (session.isPending) return <Spinner />
  if (session.error) return <main style={{ maxWidth: 560, margin: '15vh auto 0', padding: 16 }}><Problem error={session.error} retry={() => session.refetch()} /></main>
  return session.data ? <Outlet /> : <SignIn />
}

export function useSpaces() {
  return useQuery({
    queryKey: ['spaces'],
    queryFn: () => ok(api.GET('/api/spaces', { params: { query: { limit: 1000 } } })),
    select: (page) => page.data.filter((s) => !s.deleted_at),
    staleTime: 60_000,
  })
}

export function FirstSpace() {
  const spaces = useSpaces()
  if (spaces.error) return <main><Problem error={spaces.error} retry={() => spaces.refetch()} /></main>
  if (!spaces.data) return <Spinner />
  const last = localStorage.getItem('selfsame.space')
  const space = spaces.data.find((s) => s.id === last) ?? spaces.data[0]
  if (!space) return <main><Empty title="There is no space yet">A space holds the people of your apps. Make one with <code>selfsame space create dev</code>.</Empty></main>
  return <Navigate to="/spaces/$space" params={{ space: space.id }} replace />
}
