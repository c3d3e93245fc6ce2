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
const why = createRoute({
  getParentRoute: () => space, path: '/why',
  validateSearch: (s: Record<string, unknown>): { a?: string; b?: string; c?: 'accounts' } => ({
    ...(typeof s.a === 'string' && s.a ? { a: s.a } : {}), ...(typeof s.b === 'string' && s.b ? { b: s.b } : {}), ...(s.c === 'accounts' ? { c: 'accounts' } : {}),
  }),
  component: lazyRouteComponent(() => import('./pages/why/Why'), 'Why'),
})
const decisions = createRoute({
  getParentRoute: () => space, path: '/decisions',
  component: lazyRouteComponent(() => import('./pages/why/Decisions'), 'Decisions'),
})
const rules = createRoute({
  getParentRoute: () => space, path: '/rules',
  validateSearch: (s: Record<string, unknown>): { draft?: string } => (typeof s.draft === 'string' ? { draft: s.draft } : {}),
  component: lazyRouteComponent(() => import('./pages/rules/Rules'), 'Rules'),
})
const sources = createRoute({
  getParentRoute: () => space, path: '/sources',
  component: lazyRouteComponent(() => import('./pages/sources/Sources'), 'Sources'),
})
const live = createRoute({
  getParentRoute: () => space, path: '/live',
  component: lazyRouteComponent(() => import('./pages/sources/Live'), 'Live'),
})
const duplicates = createRoute({
  getParentRoute: () => space, path: '/duplicates',
  component: lazyRouteComponent(() => import('./pages/why/Duplicates'), 'Duplicates'),
})
const audiences = createRoute({
  getParentRoute: () => space, path: '/audiences',
  component: lazyRouteComponent(() => import('./pages/audiences/Audiences'), 'Audiences'),
})
const destinations = createRoute({
  getParentRoute: () => space, path: '/destinations',
  component: lazyRouteComponent(() => import('./pages/destinations/Destinations'), 'Destinations'),
})
const refused = createRoute({
  getParentRoute: () => space, path: '/refused',
  component: lazyRouteComponent(() => import('./pages/sources/Refused'), 'Refused'),
})
const insights = createRoute({
  getParentRoute: () => space, path: '/insights',
  component: lazyRouteComponent(() => import('./pages/insights/Insights'), 'Insights'),
})
const warnings = createRoute({
  getParentRoute: () => space, path: '/warnings',
  component: lazyRouteComponent(() => import('./pages/insights/Warnings'), 'Warnings'),
})
const audit = createRoute({
  getParentRoute: () => space, path: '/audit',
  component: lazyRouteComponent(() => import('./pages/insights/Audit'), 'Audit'),
})
const settings = createRoute({
  getParentRoute: () => space, path: '/settings',
  component: lazyRouteComponent(() => import('./pages/settings/Settings'), 'Settings'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    index,
    space.addChildren([home, person, why, decisions, rules, duplicates, audiences, destinations, sources, live, refused, insights, warnings, audit, settings]),
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
