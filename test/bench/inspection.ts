// Inspection in MB/s of one core (CPU time), per detector, on typical and on hostile text; the baseline is a naive scan
// with every expression over the whole text.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createInspector, detectorKinds } from '../../src/inspection/inspector.ts';
import { detectPii, piiTriggers, recognizers } from '../../src/inspection/pii/detector.ts';
import { compileTogether } from '../../src/inspection/scan/windows.ts';
import { createSecretDetector, SecretRules } from '../../src/inspection/secrets/detector.ts';

// Compiled benches lie elsewhere, so assets are found from where `npm run bench` was started.
const asset = (name: string): Buffer => readFileSync(join('assets/inspection', name));
const rules: unknown = JSON.parse(asset('secrets.json').toString());
const secrets = createSecretDetector(rules);
const inspector = createInspector({
  secrets: rules,
  injection: { user: asset('injection-user.bin'), context: asset('injection-context.bin') },
  harm: asset('harm.bin'),
});

const chunkUnits = 8192;

/** Flat strings, as they come from a parsed body. */
function chunks(text: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < text.length; i += chunkUnits)
    out.push(Buffer.from(text.slice(i, i + chunkUnits)).toString());
  return out;
}

/** Documents where the shared data is there, else prose of our own. */
function typical(): string[] {
  const file = join(process.env['MERLON_SHARED'] ?? '../shared', 'data/text/train.jsonl.gz');
  if (!existsSync(file)) return chunks(`${readFileSync('README.md', 'utf8')}\n`.repeat(200));
  const texts: string[] = [];
  let units = 0;
  for (const line of gunzipSync(readFileSync(file)).toString('utf8').split('\n')) {
    if (line === '' || units > 4_000_000) continue;
    const { label, text } = JSON.parse(line) as { label: string; text: string };
    if (label !== 'benign') continue;
    texts.push(Buffer.from(text).toString());
    units += text.length;
  }
  return texts;
}

function measure(
  name: string,
  texts: readonly string[],
  detect: (text: string) => unknown,
  rounds = 3,
): number {
  for (const text of texts.slice(0, 200)) detect(text);
  let best = 0;
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    let units = 0;
    for (const text of texts) {
      detect(text);
      units += text.length;
    }
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, units / (user + system));
  }
  console.log(`${name.padEnd(44)} ${best.toFixed(best < 10 ? 1 : 0).padStart(6)} MB/s`);
  return best;
}

const together = compileTogether([secrets.triggers, piiTriggers]);
const both = (text: string): unknown => {
  const [secretWindows, piiWindows] = together(text);
  return [secrets.detect(text, secretWindows), detectPii(text, piiWindows)];
};
const documents = typical();
console.log('typical text (benign documents and requests)');
measure('secrets', documents, (text) => secrets.detect(text));
measure('personal data', documents, detectPii);
const fast = measure('secrets and personal data', documents, both);
measure(
  'all detectors, decoded readings included',
  documents.slice(0, 2000),
  (text) => inspector.inspect(text, 'document', detectorKinds),
  1,
);

const naive = [
  ...SecretRules.parse(rules).rules.map(({ pattern }) => new RegExp(pattern, 'g')),
  ...recognizers.map(
    ({ pattern, flags }) => new RegExp(pattern, `g${flags ?? ''}${pattern.includes('\\p{') ? 'u' : ''}`),
  ),
];
const slow = measure(
  'baseline: every expression, whole text',
  documents.slice(0, 300),
  (text) => naive.map((expression) => text.replace(expression, '').length),
  1,
);
console.log(`ratio to the baseline ${(fast / slow).toFixed(1)}`);

console.log('hostile text');
const flood = (piece: string): string[] => chunks(piece.repeat(Math.ceil(262_144 / piece.length)));
for (const piece of [
  'key ',
  'key=',
  'secret token ',
  'eyJhbGciOi.',
  'sk-proj-',
  '-----BEGIN PRIVATE KEY-----\n',
  'curl -u a:',
  '://a:b',
  'password="a1',
  'kind: secret data: ',
  '1 ',
  '12-',
  '1.1.',
  '4111 1111 1111 1111 ',
  'GB82 WEST 1234 ',
  '2024-01-01 12:00:00 ',
  'a.b@c.',
  'tel 123456789 ',
  'passport no 123456789 ',
  'x',
])
  measure(JSON.stringify(piece), flood(piece), both, 1);
