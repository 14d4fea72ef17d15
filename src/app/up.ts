import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command } from '../kernel/command.ts';
import { Mode } from '../kernel/vocabulary.ts';
import { version } from './assets.ts';

/** `merlon up`. `untilStopped` resolves on SIGINT and SIGTERM. */
export function upCommand(untilStopped: () => Promise<void>): Command {
  return defineCommand({
    name: 'up',
    summary: 'start gateway, control plane and console on a threat model',
    options: z.strictObject({
      model: z
        .string()
        .optional()
        .describe('Threat model file; default: ./threat-model.yaml. Without one, everything is observed.'),
      mode: Mode.optional().describe('enforce (default with a model) or observe (default without).'),
      upstream: z
        .url()
        .optional()
        .describe('Base URL of an OpenAI-compatible server that answers for every model.'),
      state: z.string().optional().describe('Folder for state; default: .merlon beside the threat model.'),
      config: z
        .string()
        .optional()
        .describe('Configuration file; default: merlon.yaml beside the threat model.'),
    }),
    examples: [
      'merlon up --model threat-model.yaml',
      'merlon up --mode observe --upstream http://127.0.0.1:11434/v1',
    ],
    async run({ options }, io) {
      const found = existsSync(join(io.cwd, 'threat-model.yaml')) ? 'threat-model.yaml' : undefined;
      const model = options.model ?? found;
      const { start } = await import('./start.ts');
      const system = await start({ ...options, ...(model ? { model } : {}), env: io.env, cwd: io.cwd });
      if (io.json) {
        const { close: _, ...about } = system;
        io.out(JSON.stringify(about));
      } else {
        const { elements, flows, threats } = system.counts;
        const lines = [
          ['console', system.signIn, 'opens once, within 15 minutes'],
          ['gateway', `${system.dataPlane}/v1`, 'OpenAI-compatible'],
          ['key', `merlon key create --client ${system.client ?? 'ELEMENT'}`, 'for the application'],
          [
            'model',
            system.file ?? 'none: everything is observed',
            `${elements} elements, ${flows} flows, ${threats} threats`,
          ],
          [
            'upstream',
            system.victim ? 'the reference victim, which obeys everything' : 'live',
            system.victim ? 'set OPENAI_API_KEY or --upstream for a real model' : '',
          ],
        ];
        io.out(
          `\nMerlon ${version()}: ${system.name}, mode ${system.mode}, plan ${system.plan.slice(7, 19)}\n`,
        );
        for (const [what, value, note] of lines)
          io.out(`  ${what!.padEnd(9)} ${value}${note ? `  (${note})` : ''}`);
        io.out('\nready; Ctrl-C stops it');
      }
      await untilStopped();
      await system.close();
      return 0;
    },
  });
}
