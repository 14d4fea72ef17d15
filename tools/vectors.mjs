// npm run vectors -- DIR [--json]: runs the product on every vector file below DIR and says per file how many rows pass.
// The kind of a file is its parent folder, else its name up to the first `-`, `_` or `.`. docs/guides/inspection.md tells
// the pass rules. A new kind is one function in `kinds`.
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { build } from './build.mjs';
import { root } from './shared.mjs';

/** A row passes (undefined), fails (why) or is none of ours (skipped, with the group it is counted in). */
const passed = undefined;
const skipped = (group, flagged = false) => ({ group, flagged });

/** kind → prepares once, then judges row by row. */
const kinds = { text, pii, secrets };

// The other kinds have a file each: `vector-kinds/<kind>.mjs` exports a function of that name.
const kindsFolder = join(root, 'tools/vector-kinds');
for (const file of readdirSync(kindsFolder)) {
  const kind = basename(file, '.mjs').replace(/-./g, (pair) => pair[1].toUpperCase());
  kinds[kind] = async () =>
    (await import(join(kindsFolder, file)))[kind](join(root, 'dist'), { passed, skipped });
}

async function text() {
  const inspector = await inspectorOf();
  return ({ text, surface = 'user', label }) => {
    const flagged = inspector
      .inspect(text, surface, ['injection'])
      .some(({ type }) => type === 'prompt_injection' || type === 'jailbreak');
    if (label === 'injection' || label === 'jailbreak') return flagged ? passed : `${label} was let through`;
    if (label === 'benign') return flagged ? 'benign text was flagged' : passed;
    return skipped(label ?? 'no label', flagged);
  };
}

async function secrets() {
  const inspector = await inspectorOf();
  const ours = new Set(readAssets().secrets.rules.map(({ id }) => id));
  return ({ text, should_match: wanted, rule_id: rule, path }) => {
    if (typeof wanted !== 'boolean') return 'has no should_match';
    if (text === '' && path) return skipped('rules about file names');
    const found = inspector
      .inspect(text, 'user', ['secret'])
      .map(({ detector }) => detector.replace(/^secret\//, ''));
    if (wanted) return found.length > 0 ? passed : `no finding for ${rule}`;
    // That one rule does not match says nothing of the others: the same text may hold another secret.
    if (!ours.has(rule))
      return found.length > 0 ? skipped('negatives of rules that are not ours', true) : passed;
    return found.includes(rule) ? `${rule} found what it must not` : passed;
  };
}

async function pii() {
  const { detectPii, recognizePii } = await import(join(root, 'dist/inspection/pii/detector.js'));
  const { validNationalId } = await import(join(root, 'dist/inspection/pii/national-ids.js'));
  const { presidioNames } = await import(join(root, 'dist/inspection/pii/presidio-names.js'));
  /** Entity of a recogniser whose vectors do not name it. */
  const presidioRecognizers = { phone: 'PHONE_NUMBER' };

  /** The recogniser alone: how many values of its entities have the shape and pass the check. */
  function recogniser({ text, recognizer, entities, expected_count: wanted }) {
    const names = entities?.length > 0 ? entities : [presidioRecognizers[recognizer]];
    const types = new Set(names.map((name) => presidioNames[name]).filter((type) => type !== undefined));
    if (types.size === 0) return `no recogniser for ${names.join(', ')}`;
    const found = Math.max(
      ...[...types].map((type) => recognizePii(text, type).length),
      detectPii(text).filter(({ type }) => types.has(type)).length,
    );
    return found === wanted ? passed : `found ${found} instead of ${wanted}`;
  }

  /** A number of one country: valid or not. */
  function nationalId({ text, country, number_type: type, valid }) {
    const answer = validNationalId(country, type, text);
    if (answer === undefined) return `no check for ${country}.${type}`;
    return answer === valid ? passed : `${country}.${type} is said to be ${answer ? 'valid' : 'invalid'}`;
  }

  /** Everything that the recognisers claim to find, at its place, and nothing of it elsewhere. */
  function sentence({ text, spans }) {
    const claimed = new Set([
      'credit_card',
      'email_address',
      'iban_code',
      'ip_address',
      'phone_number',
      'us_ssn',
    ]);
    const wanted = spans
      .map((span) => ({ ...span, type: presidioNames[span.type] }))
      .filter(({ type }) => claimed.has(type));
    const found = detectPii(text).filter(({ type }) => claimed.has(type));
    const meet = (one, other) => one.type === other.type && one.start < other.end && other.start < one.end;
    const missed = wanted.find((span) => !found.some((finding) => meet(finding, span)));
    if (missed) return `${missed.type} was not found`;
    const wrong = found.find((finding) => !wanted.some((span) => meet(span, finding)));
    if (wrong) return `${wrong.type} was found where there is none`;
    return spans.length > 0 && wanted.length === 0 ? skipped('no type with a recogniser') : passed;
  }

  return (row) => {
    if (typeof row.expected_count === 'number') return recogniser(row);
    if (typeof row.valid === 'boolean') return nationalId(row);
    if (row.tokenised === true) return skipped('names of people and places');
    if (Array.isArray(row.spans)) return sentence(row);
    return 'a shape that is not known';
  };
}

function readAssets() {
  const read = (name) => readFileSync(join(root, 'assets/inspection', name));
  return {
    secrets: JSON.parse(read('secrets.json').toString('utf8')),
    injection: { user: read('injection-user.bin'), context: read('injection-context.bin') },
  };
}

let inspector;
function inspectorOf() {
  inspector ??= import(join(root, 'dist/inspection/inspector.js')).then(({ createInspector }) =>
    createInspector(readAssets()),
  );
  return inspector;
}

const failuresKept = 50;

async function run(file, kind) {
  const judge = await kinds[kind]();
  const result = { file, kind, passed: 0, failed: 0, skipped: 0, failures: [], apart: {} };
  const fail = (id, why) => {
    result.failed += 1;
    if (result.failures.length < failuresKept) result.failures.push({ id, why });
  };
  let number = 0;
  for await (const line of linesOf(file)) {
    number += 1;
    if (line === '') continue;
    let id = `line ${number}`;
    try {
      const row = JSON.parse(line);
      id = row.id ?? id;
      const answer = await judge(row);
      if (answer === passed) result.passed += 1;
      else if (typeof answer === 'string') fail(id, answer);
      else {
        result.skipped += 1;
        const group = (result.apart[answer.group] ??= { rows: 0, flagged: 0 });
        group.rows += 1;
        group.flagged += Number(answer.flagged);
      }
    } catch (error) {
      fail(id, error instanceof Error ? error.message : String(error));
    }
  }
  return result;
}

function linesOf(file) {
  const bytes = createReadStream(file);
  const input = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  return createInterface({ input, crlfDelay: Infinity });
}

function* filesBelow(path) {
  if (!statSync(path).isDirectory()) {
    yield path;
    return;
  }
  for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) yield* filesBelow(child);
    else yield child;
  }
}

function kindOf(file) {
  if (!/\.jsonl(?:\.gz)?$/.test(file)) return undefined;
  const folder = basename(dirname(file));
  const name = /^[^-_.]+/.exec(basename(file))?.[0];
  return [folder, name].find((kind) => Object.hasOwn(kinds, kind));
}

const places = process.argv.slice(2).filter((one) => !one.startsWith('--'));
const json = process.argv.includes('--json');
if (places.length === 0 || process.argv.includes('--help')) {
  console.error('usage: npm run vectors -- DIR [--json]');
  process.exit(2);
}

build({ console: false });
const unknown = [];
let failed = 0;
for (const place of places) {
  const base = resolve(place);
  for (const file of filesBelow(base)) {
    const kind = kindOf(file);
    const name = relative(base, file) || basename(file);
    if (kind === undefined) {
      unknown.push(name);
      continue;
    }
    const { apart, ...result } = await run(file, kind);
    failed += result.failed;
    if (json) {
      console.log(JSON.stringify({ ...result, file: name, apart }));
      continue;
    }
    console.log(
      `${name} (${kind}): ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`,
    );
    for (const [group, { rows, flagged }] of Object.entries(apart))
      console.log(`  apart: ${group}: ${String(rows)} rows, ${String(flagged)} with findings`);
    for (const { id, why } of result.failures.slice(0, 10)) console.log(`  ${String(id)}: ${String(why)}`);
    if (result.failed > 10) console.log(`  and ${result.failed - 10} more`);
  }
}
if (unknown.length > 0) console.error(`no vectors of a kind that is known: ${unknown.join(', ')}`);
process.exitCode = failed > 0 ? 1 : 0;
