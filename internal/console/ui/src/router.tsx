import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
import { FirstSpace, Root } from './shell/Root'
import { Shell } from './shell/Shell'
import { NotFound } from './shell/NotFound'
import { Spinner } from './parts/parts'

const root = createRootRoute({ component: Root, notFoundComponent: NotFound })
const index = createRoute({ getParentRoute: () => root, path: '/', component: FirstSpace })
const space = createRoute({ getParentRoute: () => root, path: '/spaces/$space', component: Shell })

const home = createRoute({
  getParentRoute: () => space, path: '/',
  component: lazyRouteComponent(() => import('./pages/home/Home'), 'Home'),
})
const person = createRoute({
  getParentRoute: () => space, path: '/$collection/$id',
  validateSearch: (s: Record<string, unknown>): { tab?: string } => (typeof s.tab === 'string' ? { tab: s.tab } : {}),
  component: lazyRouteComponent(() => import('./pages/person/Person'), 'Person'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    index,
    space.addChildren([home, person]),
  ]),
  defaultPendingComponent: Spinner,
  defaultPendingMs: 150,
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
