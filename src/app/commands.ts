import { join } from 'node:path';
import { commands as accessCommands } from '../access/commands.ts';
import { commands as assuranceCommands } from '../assurance/commands.ts';
import { commands as catalogueCommands } from '../catalogue/commands.ts';
import { commands as inspectionCommands } from '../inspection/commands.ts';
import { commands as vaultCommands } from '../data/vault/commands.ts';
import { commands as anonymiseCommands } from '../data/anonymise/commands.ts';
import { commands as execCommands } from '../data/exec/commands.ts';
import { commands as privacyCommands } from '../data/privacy/commands.ts';
import { commands as datasetCommands, usingDatasets } from '../data/registry/commands.ts';
import { commands as datasetScanCommands } from '../data/scan/commands.ts';
import type { Command, Io } from '../kernel/command.ts';
import type { Surface } from '../kernel/finding.ts';
import type { Plan } from '../kernel/plan.ts';
import { commands as ledgerCommands } from '../ledger/commands.ts';
import { commands as encryptedCommands } from '../models/encrypted/commands.ts';
import { commands as languageModelCommands } from '../models/language-model/commands.ts';
import { commands as privacyLabCommands } from '../models/privacy-lab/commands.ts';
import { commands as robustnessCommands } from '../models/robustness/commands.ts';
import { commands as watermarkCommands } from '../models/watermark/commands.ts';
import { commands as monitoringCommands } from '../models/monitoring/commands.ts';
import { commands as artifactCommands } from '../models/registry/commands.ts';
import { commands as scannerCommands } from '../models/scanners/commands.ts';
import { commands as threatModelCommands } from '../threat-model/commands.ts';
import { inspectionAssets, openCatalogue, openInspector, openRules, version } from './assets.ts';
import { findControlPlane, findState, requireControlPlane } from './control-plane.ts';
import { bomDataset } from './bom-dataset.ts';
import { untilStopped } from './stop.ts';
import { upCommand } from './up.ts';
import type { Workspace } from './workspace.ts';

/** Every command of `merlon`, with what it needs. Nothing is opened before a command runs. */
export function allCommands({ cwd, env }: Pick<Io, 'cwd' | 'env'>): Command[] {
  const state = (): string => findState(cwd, env);
  const controlPlane = () => findControlPlane(state());
  const on = async <K extends string, T>(name: K, open: (workspace: Workspace) => Promise<T>) =>
    (await import('./workspace.ts')).onWorkspace(name, state(), env, open);
  const datasets = {
    controlPlane,
    openDatasets: async () => on('datasets', (await import('./protect.ts')).openDatasetRegistry),
    now: () => Date.now(),
  };
  return [
    upCommand(untilStopped),
    ...threatModelCommands({
      registry: async () => ({
        rules: openRules(openCatalogue()),
        controls: (await import('../gateway/controls/registry.gen.ts')).controls,
        probes: (await import('../gateway/controls/probes.gen.ts')).probes,
      }),
      templates: async () => (await import('../threat-model/templates/registry.gen.ts')).templates,
      running: async () => findControlPlane(state())?.get<Plan>('/plan'),
      now: () => Date.now(),
      version: version(),
    }),
    ...assuranceCommands({
      controlPlane: (at) => requireControlPlane(findState(at.cwd, at.env)),
      untilStopped,
    }),
    ...inspectionCommands({ inspector: () => Promise.resolve(openInspector()) }),
    ...accessCommands({
      controlPlane: () => findControlPlane(state()),
      openKeys: async () => (await import('./workspace.ts')).openWorkspaceKeys(state(), env),
    }),
    ...vaultCommands({
      controlPlane: () => findControlPlane(state()),
      openVault: async () => {
        const { openVault } = await import('../data/vault/vault.ts');
        return on('vault', openVault);
      },
    }),
    ...datasetCommands(datasets),
    ...execCommands(datasets),
    ...datasetScanCommands({
      assets: () => Promise.resolve(inspectionAssets()),
      version: version(),
      compile: async (file) => {
        const { openModelFile } = await import('./model-file.ts');
        const quiet = { onChange: () => {}, onProblem: () => {} };
        const rules = openRules(openCatalogue());
        const model = openModelFile({ path: file, mode: undefined, rules, now: () => Date.now(), ...quiet });
        model.close();
        return model.current().plan;
      },
    }),
    ...anonymiseCommands({
      pseudonymKey: async (purpose) => {
        const { custody, close } = await (await import('./workspace.ts')).openWorkspace(state(), env);
        try {
          return await custody.derive(purpose);
        } finally {
          await close();
        }
      },
    }),
    ...privacyCommands({
      openBudgets: async () => {
        const running = controlPlane();
        if (!running) return on('budgets', (await import('./protect.ts')).openPrivacyBudgets);
        const { remoteBudgets } = await import('../data/privacy/routes.ts');
        return { budgets: remoteBudgets(running), close: () => Promise.resolve() };
      },
    }),
    ...scannerCommands(),
    ...artifactCommands({
      controlPlane,
      openArtifacts: async () => on('artifacts', (await import('./protect.ts')).openArtifactRegistry),
      dataset: async (id) => {
        const all = await usingDatasets(datasets, (registry) => registry.list());
        return bomDataset(all.find((one) => one.id === id));
      },
      now: () => Date.now(),
      version: version(),
    }),
    ...watermarkCommands(),
    ...languageModelCommands({ epsilon: dpSgdEpsilon }),
    ...privacyLabCommands({ epsilon: dpSgdEpsilon }),
    ...robustnessCommands({
      injection: async () => {
        const { shippedThreshold } = await import('../inspection/injection/detector.ts');
        const inspector = openInspector();
        const score = (text: string, surface: Surface) =>
          inspector.scores(text, surface)['prompt_injection'] ?? 0;
        return { score, threshold: shippedThreshold };
      },
    }),
    ...encryptedCommands(),
    ...monitoringCommands({ controlPlane: (at) => requireControlPlane(findState(at.cwd, at.env)) }),
    ...ledgerCommands({
      controlPlane: () => findControlPlane(state()),
      publishedDir: () => join(state(), 'ledger'),
    }),
    ...catalogueCommands({ catalogue: () => Promise.resolve(openCatalogue()) }),
  ];
}

/** ε of DP-SGD with Poisson sampling, by Rényi accounting. */
async function dpSgdEpsilon(run: {
  sigma: number;
  rate: number;
  steps: number;
  delta: number;
}): Promise<number> {
  const { epsilonOfRdp, rdp } = await import('../data/privacy/rdp.ts');
  const step = {
    type: 'poisson' as const,
    q: run.rate,
    event: { type: 'gaussian' as const, sigma: run.sigma },
  };
  return epsilonOfRdp(rdp({ type: 'self', count: run.steps, event: step }), run.delta).epsilon;
}
