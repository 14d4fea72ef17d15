import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { SignInPage } from './access/sign-in.tsx';
import { HomePage } from './home/home.tsx';
import { Crash } from './shell/crash.tsx';
import { NotFound } from './shell/not-found.tsx';
import { Shell } from './shell/shell.tsx';
import { oneOf, reading, text } from './shell/search.ts';

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const home = createRoute({ getParentRoute: () => root, path: '/', component: HomePage });

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/signin',
  validateSearch: reading((search) => ({ token: text(search['token']) })),
  component: SignInPage,
});

/** Question 1. `select` is an element or flow id. */
const model = createRoute({
  getParentRoute: () => root,
  path: '/model',
  validateSearch: reading((search) => ({
    view: oneOf(['diagram', 'list', 'file'] as const, search['view']),
    select: text(search['select']),
  })),
  component: lazyRouteComponent(() => import('./threat-model/model-page.tsx'), 'ModelPage'),
});

/** Question 2. */
const threats = createRoute({
  getParentRoute: () => root,
  path: '/threats',
  validateSearch: reading((search) => ({
    q: text(search['q']),
    level: oneOf(['critical', 'high', 'medium', 'low'] as const, search['level']),
    status: text(search['status']),
    group: oneOf(['element', 'stride', 'catalogue'], search['group']),
    sort: text(search['sort']),
    key: text(search['key']),
  })),
  component: lazyRouteComponent(() => import('./threat-model/threats-page.tsx'), 'ThreatsPage'),
});

/** Question 3. */
const controls = createRoute({
  getParentRoute: () => root,
  path: '/controls',
  validateSearch: reading((search) => ({
    tab: oneOf(['controls', 'approvals', 'keys'] as const, search['tab']),
    control: text(search['control']),
  })),
  component: lazyRouteComponent(() => import('./gateway/controls-page.tsx'), 'ControlsPage'),
});

/** Question 4. */
const evidence = createRoute({
  getParentRoute: () => root,
  path: '/evidence',
  validateSearch: reading((search) => ({
    tab: oneOf(['probes', 'residual', 'reports'] as const, search['tab']),
    probe: text(search['probe']),
  })),
  component: lazyRouteComponent(() => import('./assurance/evidence-page.tsx'), 'EvidencePage'),
});

const traffic = createRoute({
  getParentRoute: () => root,
  path: '/traffic',
  validateSearch: reading((search) => ({
    action: oneOf(['allow', 'alert', 'mask', 'pseudonymise', 'ask', 'block'] as const, search['action']),
    id: text(search['id']),
  })),
  component: lazyRouteComponent(() => import('./gateway/traffic-page.tsx'), 'TrafficPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([home, signIn, model, threats, controls, evidence, traffic]),
  defaultErrorComponent: Crash,
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
