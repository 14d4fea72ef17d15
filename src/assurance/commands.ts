import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command, type Io } from '../kernel/command.ts';
import type { Evidence } from '../kernel/evidence.ts';
import { Problem } from '../kernel/problem.ts';
import { atLeast, Level } from '../kernel/severity.ts';
import type { Summary, VerifyMessage } from './assurance.ts';
import type { Residual } from './status.ts';
import { table, tinted, type Tint } from './table.ts';

/** The running control plane, as far as these commands talk to it. */
export interface RunningControlPlane {
  getText(path: string): Promise<string>;
  /** Values of a server-sent event stream that a POST starts. */
  stream<T>(path: string, body: unknown, signal?: AbortSignal): AsyncIterable<T>;
}

export interface AssuranceCommandDeps {
  /** @throws Problem CONTROL_PLANE_UNREACHABLE when none runs */
  controlPlane(io: Pick<Io, 'cwd' | 'env'>): RunningControlPlane;
  /** Resolves when the process is told to stop. */
  untilStopped(): Promise<void>;
}

/** The commands of question 4. */
export function commands(deps: AssuranceCommandDeps): Command[] {
  return [
    defineCommand({
      name: 'verify',
      summary: 'attack the running system with each control off and on; print status and residual risk',
      options: z.object({
        only: z.array(z.string()).default([]).describe('Ids of probes, controls or threats; none means all.'),
        failOn: Level.optional().describe('Exit 1 when a threat has this residual level or a higher one.'),
        liveUpstream: z
          .boolean()
          .default(false)
          .describe('Attack the configured upstream instead of the reference victim. Costs tokens.'),
      }),
      examples: [
        'merlon verify',
        'merlon verify --only prompt-injection',
        'merlon verify --json --fail-on high',
      ],
      async run({ options }, io) {
        const summary = await verify(deps.controlPlane(io), options, io);
        if (io.json) io.out(JSON.stringify(wire(summary)));
        else print(summary, io);
        return isBad(summary, options.failOn) ? 1 : 0;
      },
    }),
    defineCommand({
      name: 'report',
      summary: 'the four questions with their answers, as one document',
      options: z.object({
        format: z
          .enum(['html', 'md', 'json', 'sarif'])
          .optional()
          .describe('html, md, json or sarif. Default md.'),
        out: z.string().optional().describe('File to write; without it the report goes to standard output.'),
      }),
      examples: [
        'merlon report --format html --out report.html',
        'merlon report --format sarif > merlon.sarif',
      ],
      async run({ options }, io) {
        const format = options.format ?? (io.json ? 'json' : 'md');
        const text = await deps.controlPlane(io).getText(`/report?format=${format}`);
        if (options.out === undefined) {
          io.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
          return 0;
        }
        const file = resolve(io.cwd, options.out);
        await writeFile(file, text).catch((cause: unknown) => {
          throw new Problem('FILE_UNREADABLE', {
            detail: `\`${options.out}\` cannot be written`,
            fix: 'Choose a file in a folder that exists and may be written to.',
            cause,
          });
        });
        io.note(`Wrote ${file}`);
        return 0;
      },
    }),
    defineCommand({
      name: 'victim',
      summary: 'start the reference victim, an OpenAI-compatible endpoint that obeys everything',
      options: z.object({
        port: z
          .number()
          .int()
          .min(0)
          .max(65_535)
          .default(4200)
          .describe('Port to listen on, 0 for a free one.'),
      }),
      examples: ['merlon victim --port 4200', 'merlon up --upstream http://127.0.0.1:4200/v1'],
      async run({ options }, io) {
        const { startVictim } = await import('./victim/victim.ts');
        const victim = await startVictim({ port: options.port, remember: 0 });
        if (io.json) io.out(JSON.stringify({ url: `${victim.url}/v1` }));
        else {
          io.out(`The victim listens on ${victim.url}/v1`);
          io.note(
            'It obeys every instruction that it reads: for tests only, reachable from this machine only.',
          );
        }
        await deps.untilStopped();
        await victim.close();
        return 0;
      },
    }),
  ];
}

async function verify(
  plane: RunningControlPlane,
  { only, liveUpstream }: { only: string[]; liveUpstream: boolean },
  io: Io,
): Promise<Summary> {
  const body = { ...(only.length > 0 ? { only } : {}), ...(liveUpstream ? { live: true } : {}) };
  let bar: ReturnType<Io['progress']> | undefined;
  let done = 0;
  let total = 0;
  try {
    for await (const message of plane.stream<VerifyMessage>('/verify', body)) {
      switch (message.kind) {
        case 'start':
          total = message.cases;
          bar = io.progress('verify', total);
          break;
        case 'case':
          done += 1;
          bar?.tick(Math.min(done, total), `${message.probe}: ${message.name}`);
          break;
        case 'probe':
          if (!io.json) io.note(`${message.evidence.probe}: ${message.evidence.status}`);
          break;
        case 'done':
          return message.summary;
      }
    }
  } finally {
    bar?.end();
  }
  throw new Problem('CONTROL_PLANE_UNREACHABLE', {
    detail: 'the control plane ended the verification before it was done',
    fix: 'Look at the log of `merlon up`, then run `merlon verify` again.',
  });
}

/** The shape that other programs rely on. */
function wire({ plan, probes, residual }: Summary): Record<string, unknown> {
  return {
    plan,
    probes: probes.map(({ id, probe, ...rest }) => ({ id: probe, evidence: id, ...rest })),
    residual,
  };
}

/** A probe that is not verified is a bad answer, and so is a residual risk at the gate. Accepted risks pass. */
function isBad({ probes, residual }: Summary, failOn: Level | undefined): boolean {
  return (
    probes.some((one) => one.status !== 'verified') ||
    (failOn !== undefined && residual.some((one) => one.status !== 'accepted' && atLeast(one.level, failOn)))
  );
}

const tints: Record<string, Tint> = {
  verified: 'green',
  accepted: 'cyan',
  controlled: 'cyan',
  failing: 'red',
  open: 'red',
  critical: 'red',
  high: 'red',
  utility_failure: 'yellow',
  inconclusive: 'yellow',
  stale: 'yellow',
  no_probe: 'yellow',
  medium: 'yellow',
  low: 'green',
};

function print({ probes, residual }: Summary, io: Io): void {
  const paint = (word: string) => tinted(word, tints[word], io.color);
  const counts = ({ successes, n }: { successes: number; n: number }) => `${successes}/${n}`;
  if (probes.length === 0) {
    io.out('No probe: the plan binds no control that could be attacked.');
  } else {
    for (const line of table(
      ['probe', 'control', 'off', 'on', 'upper', 'harmless', 'status', 'threats'],
      probes.map((one: Evidence) => [
        one.probe,
        one.control,
        counts(one.off),
        counts(one.on),
        `${(one.on.upper * 100).toFixed(1)} %`,
        `${one.harmless.n - one.harmless.broken}/${one.harmless.n}`,
        paint(one.status),
        shortened(one.threats),
      ]),
    )) {
      io.out(line);
    }
    for (const one of probes) {
      if (one.status !== 'verified') io.out(`\n${one.probe}: ${one.reason}`);
    }
  }
  io.out('');
  io.out('Residual risk by threat');
  const worst = [...residual].sort(
    (a: Residual, b: Residual) => b.residual - a.residual || (a.key < b.key ? -1 : 1),
  );
  for (const line of table(
    ['threat', 'inherent', 'residual', 'level', 'status', 'why'],
    worst.map((one) => [
      one.key,
      String(one.inherent),
      one.residual.toFixed(1),
      paint(one.level),
      paint(one.status),
      one.reason,
    ]),
  )) {
    io.out(line);
  }
}

function shortened(threats: readonly string[]): string {
  return threats.length <= 3
    ? threats.join(', ')
    : `${threats.slice(0, 3).join(', ')} +${threats.length - 3}`;
}
