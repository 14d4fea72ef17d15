// Speed of the embedded language model and of watermark detection against a bare loop over the same bytes in the same run,
// and how often each watermark is found in short and in edited text.
import { generate } from '../../src/models/language-model/generate.ts';
import { createRandom } from '../../src/models/language-model/random.ts';
import { linesOf, train } from '../../src/models/language-model/train.ts';
import { supportNotes } from '../../src/models/privacy-lab/corpus.ts';
import { watermarkOf } from '../../src/models/watermark/detect.ts';
import { watermarkProcessor } from '../../src/models/watermark/logits-processor.ts';
import type { SchemeName } from '../../src/models/watermark/scheme.ts';
import { Secret } from '../../src/kernel/secret.ts';

const schemes: SchemeName[] = ['gumbel', 'kgw', 'synthid'];
const key = { secret: new Secret(Buffer.alloc(32, 5)) };

const lines = linesOf(supportNotes(120, 1).join('\n'));
const bytes = lines.reduce((sum, line) => sum + line.length + 1, 0);
const epochs = 6;
const started = cpu();
const model = train(lines, { seed: 1, epochs });
const trained = cpu() - started;
console.log(`language model: ${Math.round((bytes * epochs) / trained)} bytes/s in training`);

const scored = Buffer.from(supportNotes(60, 2).join('\n'));
const scoring = cpu();
model.logProbabilities(scored);
console.log(`language model: ${Math.round(scored.length / (cpu() - scoring))} bytes/s scored`);

const random = createRandom(3);
const tokens = Array.from({ length: 20_000 }, () => random.int(50_000));
const bare = timed(() => {
  const seen = new Set<string>();
  for (let place = 4; place < tokens.length; place++) seen.add(tokens.slice(place - 4, place).join());
  return seen.size;
});
for (const scheme of schemes) {
  const watermark = watermarkOf(scheme, key);
  const seconds = timed(() => watermark.detect(tokens).scored);
  console.log(
    `${scheme}: ${Math.round(tokens.length / seconds)} tokens/s detected, ${(seconds / bare).toFixed(1)} × a bare pass`,
  );
}

const texts = 12;
for (const scheme of schemes) {
  const watermark = watermarkOf(scheme, key);
  const marked = Array.from({ length: texts }, (_, index) =>
    generate(model, Buffer.from(`Ticket ${1000 + index}`), {
      length: 400,
      seed: index + 1,
      processors: [watermarkProcessor(watermark)],
    }),
  );
  const found = (change: number, length: number): string => {
    const edits = createRandom(9);
    const hits = marked.filter((text) => {
      const changed = Array.from(text.subarray(0, length), (byte) =>
        edits.next() < change ? 97 + edits.int(26) : byte,
      );
      return watermark.detect(changed).tail.p < 1e-5;
    });
    return `${Math.round((100 * hits.length) / texts)} %`;
  };
  console.log(
    `${scheme}: found at p < 1e-5 in 100/200/400 bytes ${[100, 200, 400].map((length) => found(0, length)).join(' ')}; ` +
      `400 bytes with 5/10/20 % of them changed ${[0.05, 0.1, 0.2].map((change) => found(change, 400)).join(' ')}`,
  );
}

/** Seconds of processor time: other work on the machine then matters less. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Seconds of the faster of two runs. */
function timed(run: () => number): number {
  const times = [0, 1].map(() => {
    const from = cpu();
    run();
    return cpu() - from;
  });
  return Math.min(...times);
}
