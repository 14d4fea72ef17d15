import { commands as accessCommands } from '../access/commands.ts';
import { commands as assuranceCommands } from '../assurance/commands.ts';
import { commands as catalogueCommands } from '../catalogue/commands.ts';
import { commands as inspectionCommands } from '../inspection/commands.ts';
import type { Command, Io } from '../kernel/command.ts';
import { openCatalogue, openInspector } from './assets.ts';
import { findControlPlane, findState } from './control-plane.ts';
import { untilStopped } from './stop.ts';
import { upCommand } from './up.ts';

/** Every command of `merlon`, with what it needs. Nothing is opened before a command runs. */
export function allCommands({ cwd, env }: Pick<Io, 'cwd' | 'env'>): Command[] {
  const state = (): string => findState(cwd, env);
  return [
    upCommand(untilStopped),
    ...assuranceCommands({ untilStopped }),
    ...inspectionCommands({ inspector: () => Promise.resolve(openInspector()) }),
    ...accessCommands({
      controlPlane: () => findControlPlane(state()),
      openKeys: async () => (await import('./offline.ts')).openOfflineKeys(state(), env),
    }),
    ...catalogueCommands({ catalogue: () => Promise.resolve(openCatalogue()) }),
  ];
}
