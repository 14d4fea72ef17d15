import { join } from 'node:path';
import { commands as accessCommands } from '../access/commands.ts';
import { commands as assuranceCommands } from '../assurance/commands.ts';
import { commands as catalogueCommands } from '../catalogue/commands.ts';
import { commands as inspectionCommands } from '../inspection/commands.ts';
import { commands as vaultCommands } from '../data/vault/commands.ts';
import type { Command, Io } from '../kernel/command.ts';
import type { Plan } from '../kernel/plan.ts';
import { commands as ledgerCommands } from '../ledger/commands.ts';
import { commands as threatModelCommands } from '../threat-model/commands.ts';
import { openCatalogue, openInspector, openRules, version } from './assets.ts';
import { findControlPlane, findState, requireControlPlane } from './control-plane.ts';
import { untilStopped } from './stop.ts';
import { upCommand } from './up.ts';

/** Every command of `merlon`, with what it needs. Nothing is opened before a command runs. */
export function allCommands({ cwd, env }: Pick<Io, 'cwd' | 'env'>): Command[] {
  const state = (): string => findState(cwd, env);
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
      openVault: async () => (await import('./workspace.ts')).openWorkspaceVault(state(), env),
    }),
    ...ledgerCommands({
      controlPlane: () => findControlPlane(state()),
      publishedDir: () => join(state(), 'ledger'),
    }),
    ...catalogueCommands({ catalogue: () => Promise.resolve(openCatalogue()) }),
  ];
}
