import { readFile, rename, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command, type Io } from '../../kernel/command.ts';
import { Problem } from '../../kernel/problem.ts';

export interface LanguageModelDeps {
  /**
   * ε of DP-SGD with Poisson sampling: noise multiplier σ, sampling rate q, steps, at δ, for adding or removing one line.
   */
  epsilon(mechanism: { sigma: number; rate: number; steps: number; delta: number }): number | Promise<number>;
}

const seed = z.coerce.number().int().default(1).describe('The same seed gives the same result.');

export function commands(deps: LanguageModelDeps): Command[] {
  return [
    defineCommand({
      name: 'language-model train',
      summary: 'train the embedded byte-level language model on a text',
      arguments: [{ name: 'text', description: 'text file; every line is one record' }],
      options: z.object({
        out: z.string().describe('Model file to write (safetensors).'),
        epochs: z.coerce.number().int().min(1).max(1000).default(10).describe('Passes over the text.'),
        seed,
        hidden: z.coerce.number().int().min(4).max(1024).multipleOf(4).default(64).describe('Hidden units.'),
        privateSigma: z.coerce
          .number()
          .gt(0)
          .optional()
          .describe('Train with differential privacy: noise per line clip. 1 to 2 is usual.'),
        privateClip: z.coerce.number().gt(0).default(1).describe('Largest norm of the gradient of one line.'),
        privateRate: z.coerce.number().gt(0).max(1).default(0.05).describe('Share of lines per step.'),
        privateSteps: z.coerce.number().int().min(1).default(300).describe('Steps of private training.'),
      }),
      examples: [
        'merlon language-model train notes.txt --out model.safetensors',
        'merlon language-model train notes.txt --out model.safetensors --private-sigma 1.2',
      ],
      async run({ args, options }, io) {
        const { linesOf, train, defaultShape } = await import('./train.ts');
        const { encodeModel } = await import('./file.ts');
        const { contentDigest } = await import('./safetensors.ts');
        const lines = linesOf(await readBytes(args['text']!, io));
        let bar: ReturnType<Io['progress']> | undefined;
        let loss = 0;
        const mechanism = options.privateSigma && {
          sigma: options.privateSigma,
          clip: options.privateClip,
          rate: options.privateRate,
          steps: options.privateSteps,
        };
        const model = train(lines, {
          seed: options.seed,
          epochs: options.epochs,
          shape: { ...defaultShape, hidden: options.hidden },
          ...(mechanism ? { private: mechanism } : {}),
          onProgress(done, total, mean) {
            loss = mean;
            (bar ??= io.progress('training', total)).tick(done, `${mean.toFixed(2)} nats per byte`);
          },
        });
        bar?.end();
        const bytes = encodeModel(model);
        await writeWhole(resolve(io.cwd, options.out), bytes);
        // Less than one line in expectation: δ as is usual, an order below one over the number of lines.
        const delta = 1 / (10 * lines.length);
        const epsilon = mechanism ? await deps.epsilon({ ...mechanism, delta }) : undefined;
        const facts = {
          file: options.out,
          sha256: contentDigest(bytes),
          lines: lines.length,
          parameters: model.weights.all.length,
          loss,
          ...(mechanism ? { private: { ...mechanism, epsilon, delta } } : {}),
        };
        if (io.json) io.out(JSON.stringify(facts));
        else {
          io.out(
            `${options.out}: ${facts.parameters} parameters, ${lines.length} lines, ${loss.toFixed(2)} nats per byte`,
          );
          io.out(`sha256 ${facts.sha256}`);
          if (mechanism) {
            io.out(`ε ${epsilon!.toFixed(2)} at δ ${delta.toExponential(1)} for one line`);
            io.note('The noise comes from the seed: it holds only against those who do not know the seed.');
          }
        }
        return 0;
      },
    }),
    defineCommand({
      name: 'language-model generate',
      summary: 'continue a text with the embedded language model',
      arguments: [{ name: 'model', description: 'file of `merlon language-model train`' }],
      options: z.object({
        prompt: z.string().default('').describe('Text to continue.'),
        length: z.coerce.number().int().min(1).max(1_000_000).default(400).describe('Bytes to write.'),
        temperature: z.coerce
          .number()
          .min(0)
          .max(10)
          .default(1)
          .describe('0 always takes the likeliest byte.'),
        topK: z.coerce
          .number()
          .int()
          .min(1)
          .max(256)
          .default(256)
          .describe('Only this many likeliest bytes.'),
        seed,
      }),
      examples: ['merlon language-model generate model.safetensors --prompt "The " --temperature 0.7'],
      async run({ args, options }, io) {
        const { decodeModel } = await import('./file.ts');
        const { generate } = await import('./generate.ts');
        const model = decodeModel(await readBytes(args['model']!, io));
        const written = generate(model, Buffer.from(options.prompt), options);
        if (io.json) io.out(JSON.stringify({ text: Buffer.from(written).toString('utf8') }));
        else {
          io.stdout.write(written);
          io.out('');
        }
        return 0;
      },
    }),
    defineCommand({
      name: 'language-model serve',
      summary: 'serve the embedded language model as an OpenAI-compatible endpoint on this machine',
      arguments: [{ name: 'model', description: 'file of `merlon language-model train`' }],
      options: z.object({
        port: z.coerce
          .number()
          .int()
          .min(0)
          .max(65_535)
          .default(4300)
          .describe('Port on 127.0.0.1; 0 takes a free one.'),
      }),
      examples: ['merlon language-model serve model.safetensors --port 4300'],
      async run({ args, options }, io) {
        const { decodeModel } = await import('./file.ts');
        const { serveModel } = await import('./serve.ts');
        const model = decodeModel(await readBytes(args['model']!, io));
        let server;
        try {
          server = await serveModel(model, { port: options.port });
        } catch (cause) {
          throw new Problem('UPSTREAM_UNREACHABLE', {
            detail: `port ${options.port} cannot be opened`,
            fix: 'Choose another one with `--port`.',
            cause,
          });
        }
        io.out(
          io.json
            ? JSON.stringify({ url: `${server.url}/v1` })
            : `Serving at ${server.url}/v1. Stop with Ctrl+C.`,
        );
        await new Promise<void>((stop) => {
          process.once('SIGINT', stop);
          process.once('SIGTERM', stop);
        });
        await server.close();
        return 0;
      },
    }),
  ];
}

async function readBytes(file: string, io: Io): Promise<Buffer> {
  try {
    return await readFile(resolve(io.cwd, file));
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', { detail: `\`${file}\` cannot be read`, facts: { file }, cause });
  }
}

/** Written beside and renamed: a reader sees the old file or the new one, never half of it. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const aside = `${path}.${process.pid}.part`;
  await writeFile(aside, bytes);
  await rename(aside, path);
}
