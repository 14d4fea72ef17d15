import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { loadControlToken } from '../access/control-token.ts';
import { authenticator } from '../access/authenticate.ts';
import { openClientKeys } from '../access/keys.ts';
import { routes as accessRoutes, signInLink } from '../access/routes.ts';
import { openSessions } from '../access/sessions.ts';
import { openStore } from '../adapters/open-store.ts';
import { openAssurance } from '../assurance/assurance.ts';
import { routes as assuranceRoutes } from '../assurance/routes.ts';
import { evidenceStore, migrations as evidenceMigrations } from '../assurance/store.ts';
import { startVictim } from '../assurance/victim/victim.ts';
import { routes as privacyRoutes } from '../data/privacy/routes.ts';
import { routes as datasetRoutes } from '../data/registry/routes.ts';
import { routes as vaultRoutes } from '../data/vault/routes.ts';
import { openVault } from '../data/vault/vault.ts';
import { controls } from '../gateway/controls/registry.gen.ts';
import { probes } from '../gateway/controls/probes.gen.ts';
import { createGateway } from '../gateway/gateway.ts';
import { routes as gatewayRoutes } from '../gateway/routes.ts';
import { migrations as gatewayMigrations, openGatewayStore } from '../gateway/store.ts';
import { application, listen } from '../http/server.ts';
import { systemClock } from '../kernel/clock.ts';
import type { ControlServices } from '../kernel/control.ts';
import { securityEvent, type SecurityEvent } from '../kernel/event.ts';
import { contentHash } from '../kernel/hash.ts';
import { defaultTenant } from '../kernel/principal.ts';
import { Problem } from '../kernel/problem.ts';
import type { Mode } from '../kernel/vocabulary.ts';
import { openLedger } from '../ledger/ledger.ts';
import { routes as ledgerRoutes } from '../ledger/routes.ts';
import { openCanaries } from '../models/monitoring/canaries.ts';
import { openMonitor } from '../models/monitoring/monitor.ts';
import { routes as monitoringRoutes } from '../models/monitoring/routes.ts';
import { migrations as monitoringMigrations, monitorStore } from '../models/monitoring/store.ts';
import { routes as artifactRoutes } from '../models/registry/routes.ts';
import { routes as threatModelRoutes } from '../threat-model/routes.ts';
import { openCatalogue, openConsole, openInspector, openRules, readmeOf, version } from './assets.ts';
import { loadConfig, tlsFiles } from './config.ts';
import { findControlPlane, type Running } from './control-plane.ts';
import { openCustody } from './custody.ts';
import { openLog } from './log.ts';
import { openModelFile } from './model-file.ts';
import { bomDataset } from './bom-dataset.ts';
import { openArtifactRegistry, openDatasetRegistry, openPrivacyBudgets } from './protect.ts';
import { reportInput } from './report-input.ts';
import { startShadow } from './shadow.ts';
import { systemRoute } from './system-route.ts';
import { chooseUpstreams } from './upstreams.ts';
import { storeUrl } from './workspace.ts';

export interface StartOptions {
  /** Path of the threat model; without one, everything is observed. */
  model?: string;
  /** Folder for state; default: as configured, beside the threat model. */
  state?: string;
  mode?: Mode;
  /** Base URL that answers for every upstream. */
  upstream?: string;
  config?: string;
  env: Record<string, string | undefined>;
  cwd: string;
}

export interface System extends Running {
  /** One-time link for the owner of this machine. */
  signIn: string;
  file: string | undefined;
  mode: Mode;
  plan: string;
  name: string;
  /** Some upstream is the reference victim. */
  victim: boolean;
  /** A client element for which a key can be made, for the first hint. */
  client: string | undefined;
  counts: { elements: number; flows: number; threats: number };
  close(): Promise<void>;
}

/**
 * The composition root: opens store, keys, ledger and detectors, compiles the threat model, and starts data plane and
 * control plane. What was opened is closed again when a later step fails.
 */
export async function start(options: StartOptions): Promise<System> {
  const closing: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const step of closing.splice(0).reverse()) await step();
  };
  try {
    return await open(options, closing, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function open(
  options: StartOptions,
  closing: (() => unknown)[],
  close: () => Promise<void>,
): Promise<System> {
  const { env, cwd } = options;
  const clock = systemClock;
  const modelPath = options.model === undefined ? undefined : resolve(cwd, options.model);
  const folder = modelPath === undefined ? cwd : dirname(modelPath);
  const config = loadConfig({ folder, env, ...(options.config ? { file: options.config } : {}) });
  const log = openLog(config.log);
  const onError = (where: string, error: unknown): void => log.error({ where, error }, 'an error of ours');
  const asked = options.state ?? env['MERLON_STATE'];
  const state = asked === undefined ? resolve(folder, config.state) : resolve(cwd, asked);
  takeState(state);

  const catalogue = openCatalogue();
  const rules = openRules(catalogue);
  const inspector = openInspector();
  const model = openModelFile({
    path: modelPath,
    mode: options.mode,
    rules,
    now: () => clock.now(),
    onChange(analysis) {
      gateway.use(analysis.plan);
      void record(
        securityEvent({
          kind: 'entity_management',
          activity: 3,
          message: 'plan changed',
          time: clock.now(),
          unmapped: { plan: analysis.plan.hash, model: analysis.plan.model },
        }),
      ).catch((error: unknown) => onError('ledger', error));
    },
    onProblem: (problem) =>
      log.warn({ error: problem }, 'the changed threat model is not in force; the old one stays'),
  });
  closing.push(() => model.close());

  const custody = await openCustody(config.custody, { state, env });
  const store = await openStore(storeUrl(config.store, state));
  closing.push(() => store.close());
  const ledger = await openLedger({
    store,
    clock,
    key: await custody.derive('ledger/signing'),
    dir: join(state, 'ledger'),
    onPublishError: (error) => onError('ledger', error),
  });
  closing.push(() => ledger.close());
  const record = (event: SecurityEvent) => ledger.append(event);

  const vault = await openVault({ custody, store, clock, record });
  const keys = await openClientKeys({
    store,
    clock,
    record,
    pepper: await custody.derive('access/client-keys'),
    // Another process may revoke on a shared store.
    ...(store.dialect === 'postgres' ? { refreshMs: 1000 } : {}),
  });
  closing.push(() => keys.close());
  const sessions = await openSessions({ store, clock, record });
  await store.migrate(gatewayMigrations);
  const gatewayStore = await openGatewayStore({
    store,
    clock,
    inspect: inspector.inspect,
    onError: (error) => onError('gateway store', error),
  });
  closing.push(() => gatewayStore.close());

  const place = { store, custody, clock, record, state, vault };
  const datasets = await openDatasetRegistry(place);
  const artifacts = await openArtifactRegistry(place);
  const budgets = await openPrivacyBudgets(place);
  await store.migrate(monitoringMigrations);
  const watched = monitorStore(store, defaultTenant);
  const monitor = await openMonitor({
    store: watched,
    clock,
    record,
    onError: (error) => onError('monitoring', error),
  });
  closing.push(() => monitor.close());
  const canaries = openCanaries({ store: watched, clock, record });

  const services: ControlServices = {
    inspect: inspector.inspect,
    hold: inspector.hold,
    scores: inspector.scores,
    scopedKey: async (scope) => (await custody.derive(`gateway/${scope}`)).reveal(),
    counters: gatewayStore.counters,
    approvals: gatewayStore.approvals,
    now: () => clock.now(),
  };
  const victim = await startVictim({ port: 0, remember: 0 });
  closing.push(() => victim.close());
  const { plan } = model.current();
  const chosen = await chooseUpstreams({
    plan,
    config,
    folder,
    env,
    override: options.upstream,
    victim: victim.url,
    openContainer: (container) => vault.open(container),
  });
  const tls = tlsFiles(config, folder);
  const gateway = createGateway({
    plan,
    controls,
    services,
    ledger,
    authenticate: (presented) => keys.authenticate(presented),
    upstreams: chosen.upstreams,
    defaultUpstream: plan.routes[0]?.upstream.provider ?? 'default',
    limits: {
      concurrency: config.dataPlane.maxConcurrent,
      perClient: config.dataPlane.maxPerClient,
      bodyBytes: config.dataPlane.maxBodyBytes,
      totalMs: config.dataPlane.upstreamTimeoutMs,
    },
    prices: config.prices,
    tls,
    onDecision(exchange) {
      gatewayStore.record(exchange);
      monitor.observe(exchange);
    },
    onDrift: (seen) => gatewayStore.drift.record(seen),
    onError,
    clock,
  });
  closing.push(() => gateway.close());
  const data = await listening('data plane', config.dataPlane.port, () => gateway.listen(config.dataPlane));

  await store.migrate(evidenceMigrations);
  const surroundings = {
    rules: Object.fromEntries(rules.map((rule) => [rule.id, contentHash(rule.source)])),
    catalogues: Object.fromEntries(catalogue.list().map((one) => [one.catalogue, one.edition])),
  };
  const assurance = openAssurance({
    store: evidenceStore(store, defaultTenant),
    probes,
    record,
    clock,
    ttlMs: config.evidenceTtlDays * 86_400_000,
    current() {
      const { plan, threats, model: current } = model.current();
      return { plan, threats, decisions: current.decisions, surroundings };
    },
    shadow: (plan, { client, live }) =>
      startShadow(
        plan,
        { client },
        { controls, services, clock, onError },
        live ? chosen.upstreams : undefined,
      ),
  });

  const controlToken = await loadControlToken(join(state, 'control.token'));
  const scheme = tls ? 'https' : 'http';
  const shown = (port: number): string => `${scheme}://localhost:${port}`;
  let consoleUrl = shown(config.controlPlane.port);
  let ready = false;
  const app = application({
    routes: [
      ...accessRoutes({
        keys,
        sessions,
        clients: () => [...new Set(model.current().plan.routes.map(({ client }) => client))],
        consoleUrl: () => consoleUrl,
      }),
      ...gatewayRoutes({
        plan: () => model.current().plan,
        controls,
        probes,
        readme: readmeOf,
        store: gatewayStore,
        ledger,
      }),
      ...threatModelRoutes({
        current: () => ({ file: model.file ?? '', text: model.text(), analysis: model.current() }),
        rules,
        observed: () => Promise.resolve(gatewayStore.drift.list()),
        assessed: () => assurance.assess(),
        write: (change) => Promise.resolve(model.write(change)),
      }),
      ...ledgerRoutes({ ledger }),
      ...vaultRoutes({ vault }),
      ...datasetRoutes({ datasets }),
      ...artifactRoutes({
        artifacts,
        dataset: async (id) => bomDataset((await datasets.list()).find((one) => one.id === id)),
        version: version(),
      }),
      ...privacyRoutes({ budgets }),
      ...monitoringRoutes({ monitor, canaries }),
      ...assuranceRoutes({
        assurance,
        reportInput: () => reportInput({ model, assurance, ledger, catalogue, now: clock.now() }),
      }),
      systemRoute({
        analysis: () => model.current(),
        file: model.file,
        dataPlane: shown(data.port),
        upstream: {
          provider: plan.routes[0]?.upstream.provider ?? 'default',
          kind: chosen.victim ? 'victim' : 'live',
        },
        started: clock.now(),
        assessed: () => assurance.assess(),
      }),
    ],
    authenticate: authenticator({ sessions, controlToken, keys }),
    // People and the owner of the token may do everything on their own machine; a client key opens its own receipts only.
    authorize: (principal, action) =>
      principal.kind === 'person' || principal.kind === 'local' || action === 'receipt:read',
    asset: openConsole(),
    ready: () => ready,
    onError: (error) => onError('control plane', error),
  });
  const people = await listening('control plane', config.controlPlane.port, () =>
    listen(app, { ...config.controlPlane, tls }),
  );
  closing.push(() => people.close());
  consoleUrl = shown(people.port);

  const running: Running = {
    url: `${scheme}://127.0.0.1:${people.port}`,
    ...(tls ? { certificate: tls.certPath } : {}),
    dataPlane: shown(data.port),
    pid: process.pid,
  };
  writeFileSync(join(state, 'control.json'), JSON.stringify(running), { mode: 0o600 });
  closing.push(() => rmSync(join(state, 'control.json'), { force: true }));
  ready = true;

  const { model: current, threats } = model.current();
  return {
    ...running,
    signIn: signInLink(consoleUrl, (await sessions.createLink()).token),
    file: model.file,
    mode: plan.mode,
    plan: plan.hash,
    name: plan.system.name,
    victim: chosen.victim,
    client: plan.routes[0]?.client,
    counts: { elements: current.elements.length, flows: current.flows.length, threats: threats.length },
    close,
  };
}

/** One process per state folder: the ledger has one writer. */
function takeState(state: string): void {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const about = join(state, 'control.json');
  if (!existsSync(about)) return;
  if (findControlPlane(state)) {
    throw new Problem('CONFLICT', {
      detail: `Merlon already runs on \`${state}\``,
      fix: 'Stop it first, or name another folder with `--state`.',
    });
  }
}

async function listening<T>(what: string, port: number, begin: () => Promise<T>): Promise<T> {
  try {
    return await begin();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const name = what === 'data plane' ? 'DATA_PLANE' : 'CONTROL_PLANE';
    throw new Problem('CONFLICT', {
      detail: `port ${port} of the ${what} is taken`,
      fix: `Stop what listens there, or choose another: MERLON_${name}__PORT=0 takes a free one.`,
      cause: error,
    });
  }
}
