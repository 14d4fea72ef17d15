// Turns the gitleaks default rules (TOML, RE2 expressions) into assets/inspection/secrets.json for V8:
// modifiers are folded into the sets, the lazy prefix that only finds the start of a line is dropped, every repetition
// gets a bound, and each rule gets the reach of its keywords: node tools/build-secret-rules.mjs
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { build } from './build.mjs';
import { root, shared } from './shared.mjs';

build({ console: false });

const { parseExpression, printExpression, bounded, longestMatch, offsetOf } = await import(
  join(root, 'dist/inspection/scan/expression.js')
);

/** Longest run that a repetition without a bound may take. */
const runLimit = 512;
/** Rules whose longest value is larger, such as a PEM block, and rules that read over anything. */
const runLimits = {
  'private-key': 16_384,
  jwt: 4096,
  'jwt-base64': 4096,
  'kubernetes-secret-yaml': 200,
  'nuget-config-password': 200,
  'curl-auth-header': 600,
  'curl-auth-user': 200,
};
/** Keywords that are rarer than those of the rule and lose nothing. The header of a JWT is a JSON object. */
const keywords = {
  jwt: ['eyj', 'eya'],
  'kubernetes-secret-yaml': ['kind: secret', "kind: 'secret", 'kind: "secret', 'kind:secret'],
};
/** Where the keyword stands late in the value: how the value begins, for streams. */
const leads = {
  'openai-api-key': ['sk-'],
  'airtable-personnal-access-token': ['pat'],
  'cloudflare-origin-ca-key': ['v1.0-'],
  'facebook-access-token': [],
  'intra42-client-secret': ['s-s4t2'],
  'sidekiq-sensitive-url': ['http'],
  'slack-config-access-token': ['xoxe'],
  'slack-webhook-url': ['hooks.slack'],
  'sourcegraph-access-token': ['sgp_'],
  'microsoft-teams-webhook': ['http'],
};
/** Rules that are about files, not text. */
const fileRules = new Set(['pkcs12-file']);
/** Keywords that stand near the value, not in it: how far away they may be. */
const nearby = 160;

const source = gunzipSync(readFileSync(join(shared, 'data/secrets/gitleaks.toml.gz'))).toString('utf8');
const config = parseToml(source);
const rules = [];
const skipped = [];
for (const rule of config.rules) {
  if (rule.regex === undefined || fileRules.has(rule.id)) {
    skipped.push(rule.id);
    continue;
  }
  const pattern = rule.regex.replace('[\\w.-]{0,50}?', '');
  const tree = bounded(parseExpression(pattern), runLimits[rule.id] ?? runLimit);
  const longest = longestMatch(tree);
  const marks = keywords[rule.id] ?? rule.keywords.map((keyword) => keyword.toLowerCase());
  const offsets = marks.map((mark) => (rule.id === 'jwt' ? 0 : offsetOf(tree, mark)));
  const inside = offsets.every((offset) => offset !== undefined);
  rules.push({
    id: rule.id,
    title: rule.description,
    pattern: printExpression(tree),
    keywords: marks,
    before: inside ? Math.max(...offsets) + 1 : longest + nearby,
    after: inside ? longest + 1 : longest + nearby,
    ...(leads[rule.id] === undefined ? {} : { leads: leads[rule.id] }),
    ...(rule.entropy === undefined ? {} : { entropy: rule.entropy }),
    ...(rule.secretGroup === undefined ? {} : { group: rule.secretGroup }),
    ...(rule.allowlists === undefined ? {} : { allow: rule.allowlists.map(allowance).filter(Boolean) }),
  });
  if (!inside) console.log(`${rule.id}: keyword stands beside the value`);
}

const asset = {
  source: 'gitleaks default configuration, MIT, see secrets.NOTICE.md',
  allow: [allowance(config.allowlist)],
  rules,
};
const lines = rules.map((rule) => `    ${JSON.stringify(rule)}`);
writeFileSync(
  join(root, 'assets/inspection/secrets.json'),
  `{\n  "source": ${JSON.stringify(asset.source)},\n  "allow": ${JSON.stringify(asset.allow)},\n  "rules": [\n${lines.join(',\n')}\n  ]\n}\n`,
);
console.log(`${rules.length} rules written, left out: ${skipped.join(', ') || 'none'}`);

/** Allow-lists of paths and commits say nothing about text in flight. */
function allowance(list) {
  if (list.regexes === undefined && list.stopwords === undefined) return undefined;
  return {
    ...(list.condition === undefined ? {} : { condition: list.condition.toLowerCase() }),
    ...(list.regexTarget === undefined ? {} : { target: list.regexTarget }),
    ...(list.regexes === undefined
      ? {}
      : { patterns: list.regexes.map((regex) => printExpression(bounded(parseExpression(regex), 512))) }),
    ...(list.stopwords === undefined ? {} : { words: list.stopwords.map((word) => word.toLowerCase()) }),
  };
}

/** As much TOML as the file uses: tables, arrays of tables, strings, literal strings, numbers, arrays. */
function parseToml(text) {
  const top = { rules: [] };
  let table = top;
  let at = 0;
  const skip = () => {
    at += /(?:\s|#.*)*/y.exec(text.slice(at))[0].length;
  };
  const value = () => {
    const rest = text.slice(at);
    const string = /^'''([^]*?)'''|^'([^'\n]*)'|^"((?:[^"\\\n]|\\.)*)"|^(-?[\d.]+)|^(true|false)/.exec(rest);
    if (string !== null) {
      at += string[0].length;
      if (string[3] !== undefined) return JSON.parse(`"${string[3]}"`);
      if (string[4] !== undefined) return Number(string[4]);
      return string[1] ?? string[2] ?? string[5] === 'true';
    }
    if (rest[0] !== '[') throw new Error(`unexpected ${rest.slice(0, 40)}`);
    at += 1;
    const list = [];
    for (skip(); text[at] !== ']'; skip()) {
      if (text[at] === ',') at += 1;
      else list.push(value());
    }
    at += 1;
    return list;
  };
  for (skip(); at < text.length; skip()) {
    const head = /^(\[\[?)([\w.]+)\]\]?|^(\w+)\s*=\s*/.exec(text.slice(at));
    if (head === null) throw new Error(`unexpected ${text.slice(at, at + 40)}`);
    at += head[0].length;
    if (head[3] !== undefined) table[head[3]] = value();
    else if (head[2] === 'rules') top.rules.push((table = {}));
    else if (head[2] === 'rules.allowlists') (top.rules.at(-1).allowlists ??= []).push((table = {}));
    else top[head[2]] = table = {};
  }
  return top;
}
