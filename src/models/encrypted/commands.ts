import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { z } from 'zod';
import { defineCommand, type Command, type Io } from '../../kernel/command.ts';
import { Problem } from '../../kernel/problem.ts';
import { Secret } from '../../kernel/secret.ts';
import { dimensionsAllowed } from './features.ts';

/** Nothing but files: keys stay where they were made, and the server needs no control plane. */
export function commands(): Command[] {
  const keys = z.string().describe('Folder of the keys.');
  const dimensions = z.coerce
    .number()
    .pipe(z.literal(dimensionsAllowed))
    .default(1024)
    .describe('Features of a text: 256, 512, 1024, 2048 or 4096; client and model must have the same.');
  return [
    defineCommand({
      name: 'encrypted keygen',
      summary: 'make the keys of a client: the secret one stays, the evaluation key goes to the server',
      options: z.object({ keys }),
      examples: ['merlon encrypted keygen --keys client-keys'],
      async run({ options }, io) {
        const folder = resolve(io.cwd, options.keys);
        if (await stat(join(folder, 'secret.key')).catch(() => undefined))
          throw new Problem('CONFLICT', {
            detail: `\`${options.keys}\` holds a secret key already`,
            fix: 'Name another folder: requests made with the old key would never be readable again.',
          });
        const made = (await ckks()).keygen(passphraseOf(io));
        await mkdir(folder, { recursive: true, mode: 0o700 });
        await writeFile(join(folder, 'secret.key'), made.secret, { mode: 0o600, flag: 'wx' });
        await write(join(folder, 'evaluation.key'), made.evaluation);
        const sizes = { secret: made.secret.length, evaluation: made.evaluation.length };
        if (io.json) io.out(JSON.stringify({ keys: options.keys, bytes: sizes }));
        else {
          io.out(`${options.keys}/secret.key      ${sizes.secret} bytes, stays here`);
          io.out(`${options.keys}/evaluation.key  ${sizes.evaluation} bytes, goes to the server`);
          if (!passphraseOf(io)) io.note('Not sealed: set MERLON_KEY_PASSPHRASE to seal the secret key.');
        }
        return 0;
      },
    }),
    defineCommand({
      name: 'encrypted encrypt',
      summary: 'compute the features of a text and encrypt them (client)',
      options: z.object({
        keys,
        input: z.string().optional().describe('File with the text; standard input by default.'),
        out: z.string().describe('File of the request.'),
        dimensions,
      }),
      examples: ['merlon encrypted encrypt --keys client-keys --input letter.txt --out request.bin'],
      async run({ options }, io) {
        const text =
          options.input === undefined
            ? await textOf(io.stdin)
            : (await read(io, options.input)).toString('utf8');
        const secret = await read(io, join(options.keys, 'secret.key'));
        const request = (await ckks()).client(secret, passphraseOf(io)).encrypt(text, options.dimensions);
        await write(resolve(io.cwd, options.out), request);
        io.out(
          io.json
            ? JSON.stringify({ out: options.out, bytes: request.length, dimensions: options.dimensions })
            : `${options.out}: ${request.length} bytes`,
        );
        return 0;
      },
    }),
    defineCommand({
      name: 'encrypted score',
      summary:
        'score an encrypted request without reading it (server); the weights of the model are in the clear here',
      options: z.object({
        model: z.string().describe('Linear model, as `encrypted train` writes it.'),
        evaluation: z.string().describe('Evaluation key of the client.'),
        input: z.string().describe('File of the request.'),
        out: z.string().describe('File of the reply.'),
      }),
      examples: [
        'merlon encrypted score --model injection.json --evaluation evaluation.key --input request.bin --out reply.bin',
      ],
      async run({ options }, io) {
        const { parseLinear } = await import('./linear.ts');
        const model = parseLinear((await read(io, options.model)).toString('utf8'), options.model);
        const evaluation = await read(io, options.evaluation);
        const request = await read(io, options.input);
        const server = (await ckks()).server(evaluation, model);
        const started = process.cpuUsage();
        const reply = server.score(request);
        const { user, system } = process.cpuUsage(started);
        await write(resolve(io.cwd, options.out), reply);
        const cpuMs = (user + system) / 1000;
        io.out(
          io.json
            ? JSON.stringify({ out: options.out, bytes: reply.length, cpuMs })
            : `${options.out}: ${reply.length} bytes, ${cpuMs.toFixed(1)} ms of processor time`,
        );
        return 0;
      },
    }),
    defineCommand({
      name: 'encrypted decrypt',
      summary: 'read the score from a reply (client); exit 1 when the text was found',
      options: z.object({ keys, input: z.string().describe('File of the reply.') }),
      examples: ['merlon encrypted decrypt --keys client-keys --input reply.bin'],
      async run({ options }, io) {
        const secret = await read(io, join(options.keys, 'secret.key'));
        const score = (await ckks()).client(secret, passphraseOf(io)).decrypt(await read(io, options.input));
        io.out(
          io.json
            ? JSON.stringify(score)
            : `${score.finds}: ${score.score.toFixed(4)} (threshold ${score.threshold})${score.found ? ', found' : ''}`,
        );
        return score.found ? 1 : 0;
      },
    }),
    defineCommand({
      name: 'encrypted train',
      summary: 'train the linear model of the server on labelled texts',
      options: z.object({
        input: z.string().describe('JSON Lines of `{text, label}`, as `robustness train` takes.'),
        out: z.string().describe('File of the model.'),
        finds: z
          .string()
          .max(100)
          .default('prompt_injection')
          .describe('What texts with a positive label are.'),
        dimensions,
        limit: z.number().int().min(10).default(20_000).describe('Most texts that are read.'),
      }),
      examples: ['merlon encrypted train --input labelled.jsonl --out injection.json --dimensions 1024'],
      async run({ options }, io) {
        const { readLabelled } = await import('../robustness/input.ts');
        const { split } = await import('../robustness/harden.ts');
        const { probability, rawScore, trainLinear } = await import('./linear.ts');
        const { texts } = await readLabelled(resolve(io.cwd, options.input), { limit: options.limit });
        const { train, calibration, test } = split(texts);
        const model = trainLinear([...train, ...calibration], options);
        const right = (label: 0 | 1) => {
          const of = test.filter((one) => one.label === label);
          const hits = of.filter(({ text }) => probability(rawScore(model, text)) >= model.threshold).length;
          return of.length === 0 ? 0 : (label === 1 ? hits : of.length - hits) / of.length;
        };
        const [recall, specificity] = [right(1), right(0)];
        await write(resolve(io.cwd, options.out), Buffer.from(`${JSON.stringify(model)}\n`));
        const report = {
          out: options.out,
          train: train.length + calibration.length,
          test: test.length,
          recall,
          falsePositives: 1 - specificity,
        };
        io.out(
          io.json
            ? JSON.stringify(report)
            : `${options.out}: finds ${(recall * 100).toFixed(1)} %, ${((1 - specificity) * 100).toFixed(1)} % false positives on ${test.length} texts held out`,
        );
        return 0;
      },
    }),
  ];
}

async function ckks() {
  return (await import('./ckks.ts')).openCkks();
}

function passphraseOf(io: Pick<Io, 'env'>): Secret | undefined {
  const passphrase = io.env['MERLON_KEY_PASSPHRASE'];
  return passphrase ? new Secret(passphrase) : undefined;
}

async function read(io: Io, file: string): Promise<Buffer> {
  try {
    return await readFile(resolve(io.cwd, file));
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', { detail: `\`${file}\` cannot be read`, facts: { file }, cause });
  }
}

/** Whole or not at all. */
async function write(path: string, bytes: Buffer): Promise<void> {
  await writeFile(`${path}.new`, bytes);
  await rename(`${path}.new`, path);
}
