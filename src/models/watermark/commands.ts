import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { defineCommand, type Command, type Io } from '../../kernel/command.ts';
import { Problem } from '../../kernel/problem.ts';

const Scheme = z.enum(['gumbel', 'kgw', 'synthid']);
const scheme = Scheme.default('gumbel').describe('`gumbel`, `kgw` or `synthid`.');
const key = z
  .string()
  .describe('64 hex digits, or a file with them, with 32 bytes, or with a JSON array of SynthID layer keys.');
const fingerprintKey = z.string().describe('64 hex digits, or a file with them or with 32 bytes.');
const context = z.coerce
  .number()
  .int()
  .min(1)
  .max(63)
  .default(4)
  .describe('Tokens that choose the random numbers; the same as when the text was marked.');
const gamma = z.coerce.number().gt(0).lt(1).default(0.25).describe('KGW: share of green tokens.');

export function commands(): Command[] {
  return [
    defineCommand({
      name: 'watermark detect',
      summary: 'say with an exact p-value whether a text carries the watermark of a key',
      arguments: [{ name: 'file', description: 'text, or `-` for standard input' }],
      options: z.object({
        key,
        scheme,
        tokenizer: z
          .enum(['bytes', 'ids'])
          .default('bytes')
          .describe('`bytes` for text of a byte-level model, `ids` when the file holds token ids.'),
        alpha: z.coerce
          .number()
          .gt(0)
          .lt(1)
          .default(1e-5)
          .describe('Share of unmarked texts that may be called marked.'),
        context,
        gamma,
      }),
      examples: [
        'merlon watermark detect answer.txt --key watermark.key --scheme gumbel',
        'merlon watermark detect ids.json --tokenizer ids --key synthid-keys.json --scheme synthid',
      ],
      async run({ args, options }, io) {
        const { detectIn, watermarkOf, defaultSettings } = await import('./detect.ts');
        const { readKey } = await import('./key.ts');
        const file = args['file']!;
        const watermark = watermarkOf(options.scheme, await readKey(options.key, io.cwd), {
          ...defaultSettings,
          context: options.context,
          gamma: options.gamma,
        });
        const found = detectIn(await readText(file, io), options.tokenizer, watermark);
        const { tail, ...rest } = found;
        const watermarked = tail.p < options.alpha;
        if (io.json)
          io.out(
            JSON.stringify({
              file,
              watermarked,
              p: tail.p,
              log10p: Number.isFinite(tail.log10) ? tail.log10 : null,
              alpha: options.alpha,
              ...rest,
            }),
          );
        else {
          io.out(`${watermarked ? 'Watermarked' : 'No watermark found'}: ${options.scheme}, ${file}`);
          io.out(
            `p ${inWords(tail)}   tokens ${found.tokens}, scored ${found.scored}   score ${rounded(found.score)}, ` +
              `${rounded(found.expected)} expected without (z ${rounded(found.z)})`,
          );
          if (found.reading === 'cleaned')
            io.out('Found after hidden and look-alike characters were undone.');
          if (!watermarked && found.scored < 200)
            io.note('The text is short: a watermark in it may go unnoticed.');
        }
        return watermarked ? 0 : 1;
      },
    }),
    defineCommand({
      name: 'watermark embed',
      summary: 'write text with the embedded language model and mark it',
      options: z.object({
        model: z.string().describe('File of `merlon language-model train`.'),
        key,
        scheme,
        prompt: z.string().default('').describe('Text to continue; it is not written again.'),
        length: z.coerce.number().int().min(1).max(1_000_000).default(600).describe('Bytes to write.'),
        seed: z.coerce.number().int().default(1).describe('Decides what the key does not.'),
        temperature: z.coerce
          .number()
          .gt(0)
          .max(10)
          .default(1)
          .describe('Below 1 less varied, above 1 more.'),
        topK: z.coerce
          .number()
          .int()
          .min(1)
          .max(256)
          .default(256)
          .describe('Only this many likeliest bytes.'),
        context,
        gamma,
        delta: z.coerce.number().min(0).max(20).default(2).describe('KGW: what green logits gain.'),
      }),
      examples: ['merlon watermark embed --model model.safetensors --key watermark.key > marked.txt'],
      async run({ options }, io) {
        const { watermarkOf } = await import('./detect.ts');
        const { readKey } = await import('./key.ts');
        const { watermarkProcessor } = await import('./logits-processor.ts');
        const { generate } = await import('../language-model/generate.ts');
        const { decodeModel } = await import('../language-model/file.ts');
        const model = decodeModel(await readText(options.model, io));
        const watermark = watermarkOf(options.scheme, await readKey(options.key, io.cwd), options);
        const written = generate(model, Buffer.from(options.prompt), {
          length: options.length,
          seed: options.seed,
          temperature: options.temperature,
          topK: options.topK,
          processors: [watermarkProcessor(watermark)],
        });
        if (io.json) {
          const { tail, ...rest } = watermark.detect([...written]);
          io.out(JSON.stringify({ text: Buffer.from(written).toString('utf8'), p: tail.p, ...rest }));
        } else io.stdout.write(written);
        return 0;
      },
    }),
    defineCommand({
      name: 'watermark fingerprint embed',
      summary: 'write a copy of a model that is marked for one recipient',
      arguments: [{ name: 'file', description: 'model in the safetensors format' }],
      options: z.object({
        key: fingerprintKey,
        recipient: z.string().min(1).max(200).describe('Who gets this copy.'),
        out: z.string().describe('File to write.'),
      }),
      examples: [
        'merlon watermark fingerprint embed model.safetensors --key fingerprint.key --recipient acme --out acme.safetensors',
      ],
      async run({ args, options }, io) {
        const { embedFingerprint } = await import('./fingerprint.ts');
        const { readKey } = await import('./key.ts');
        const { secret } = await readKey(options.key, io.cwd);
        const report = await embedFingerprint(
          resolve(io.cwd, args['file']!),
          resolve(io.cwd, options.out),
          secret.reveal(),
          options.recipient,
        );
        if (io.json) io.out(JSON.stringify({ file: options.out, recipient: options.recipient, ...report }));
        else
          io.out(
            `${options.out}: ${report.bits} bits for \`${options.recipient}\` in ${report.tensors} tensors; ` +
              `no weight changed by more than ${(100 * report.largestChange).toFixed(2)} %`,
          );
        return 0;
      },
    }),
    defineCommand({
      name: 'watermark fingerprint identify',
      summary: 'say for which recipient a copy of a model was made',
      arguments: [{ name: 'file', description: 'model in the safetensors format' }],
      options: z.object({
        key: fingerprintKey,
        recipient: z.array(z.string()).min(1).describe('Who got a copy; may be given several times.'),
        alpha: z.coerce.number().gt(0).lt(1).default(1e-6).describe('Largest chance of a false accusation.'),
      }),
      examples: [
        'merlon watermark fingerprint identify found.safetensors --key fingerprint.key --recipient acme --recipient zenith',
      ],
      async run({ args, options }, io) {
        const { identifyFingerprint } = await import('./fingerprint.ts');
        const { readKey } = await import('./key.ts');
        const { secret } = await readKey(options.key, io.cwd);
        const file = args['file']!;
        const found = await identifyFingerprint(resolve(io.cwd, file), secret.reveal(), options.recipient);
        const named = found.filter(({ tail }) => tail.p < options.alpha).map(({ recipient }) => recipient);
        if (io.json)
          io.out(
            JSON.stringify({
              file,
              recipients: named,
              alpha: options.alpha,
              compared: found.map(({ tail, ...rest }) => ({ ...rest, p: tail.p, log10p: tail.log10 })),
            }),
          );
        else {
          for (const { recipient, matches, bits, tail } of found)
            io.out(`${recipient}  ${matches} of ${bits} bits agree  p ${inWords(tail)}`);
          io.out(named.length === 0 ? 'No recipient of this list' : `Made for ${named.join(', ')}`);
        }
        return named.length === 0 ? 1 : 0;
      },
    }),
  ];
}

async function readText(file: string, io: Io): Promise<Buffer> {
  if (file === '-') return buffer(io.stdin);
  try {
    return await readFile(resolve(io.cwd, file));
  } catch (cause) {
    throw new Problem('FILE_UNREADABLE', { detail: `\`${file}\` cannot be read`, facts: { file }, cause });
  }
}

const rounded = (value: number): string => String(Math.round(value * 100) / 100);

/** A p-value for people, also where it is too small for a number. */
function inWords({ p, log10 }: { p: number; log10: number }): string {
  if (p === 0) return `1e${Math.floor(log10)}`;
  return p < 0.001 ? p.toExponential(1) : p.toFixed(3);
}
