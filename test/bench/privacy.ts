import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { encodeAttribute, encodeSensitive } from '../../src/data/anonymise/encoded.ts';
import { hierarchyFromRows } from '../../src/data/anonymise/hierarchy.ts';
import { applyNode, satisfyingNodes } from '../../src/data/anonymise/lattice.ts';
import { mondrian } from '../../src/data/anonymise/mondrian.ts';
import { parseCsv } from '../../src/data/anonymise/table.ts';
import { taskOf, taskUtility, utilityOf } from '../../src/data/anonymise/utility.ts';
import { evaluateSynthesis } from '../../src/data/privacy/evaluation.ts';
import { discreteGaussian, discreteLaplace } from '../../src/data/privacy/noise.ts';
import { pld } from '../../src/data/privacy/pld.ts';
import { seededRandom, shuffle, systemRandom } from '../../src/data/privacy/random.ts';
import { parseRational } from '../../src/data/privacy/rational.ts';
import { epsilonOfRdp, rdp } from '../../src/data/privacy/rdp.ts';
import { planSynthesis } from '../../src/data/privacy/synthesis.ts';

/** Processor time: this machine may be busy with other work. */
function spent<T>(work: () => T): { result: T; ms: number } {
  const before = process.cpuUsage();
  const result = work();
  const { user, system } = process.cpuUsage(before);
  return { result, ms: (user + system) / 1000 };
}
const line = (name: string, figure: string): void => console.log(`${name.padEnd(52)} ${figure}`);

// The baseline is the noise that must not be used: rounded floating-point Gaussians by Box and Muller.
const draws = 300_000;
const floating = spent(() => {
  const random = systemRandom();
  let sum = 0;
  for (let n = 0; n < draws; n++) {
    const [a, b] = [(random.uint32() + 1) / 2 ** 32, random.uint32() / 2 ** 32];
    sum += Math.round(10 * Math.sqrt(-2 * Math.log(a)) * Math.cos(2 * Math.PI * b));
  }
  return sum;
});
const perSecond = (ms: number): string => `${(draws / ms / 1000).toFixed(2)} M/s`;
line('baseline: rounded floating-point Gaussian', perSecond(floating.ms));
for (const [name, draw] of [
  ['exact discrete Laplace, scale 10', discreteLaplace(parseRational('10'), systemRandom())],
  ['exact discrete Gaussian, σ = 10', discreteGaussian(parseRational('100'), systemRandom())],
  ['exact discrete Gaussian, σ = 1000', discreteGaussian(parseRational('1e6'), systemRandom())],
] as const) {
  const { ms } = spent(() => {
    let sum = 0;
    for (let n = 0; n < draws; n++) sum += draw();
    return sum;
  });
  line(name, `${perSecond(ms)} (${(floating.ms / ms).toFixed(2)} of the baseline)`);
}

const training = {
  type: 'self' as const,
  count: 10_000,
  event: { type: 'poisson' as const, q: 0.01, event: { type: 'gaussian' as const, sigma: 4 } },
};
const renyi = spent(() => epsilonOfRdp(rdp(training), 1e-5).epsilon);
line(
  '10,000 sampled Gaussians by Rényi divergence',
  `ε ${renyi.result.toFixed(4)} in ${renyi.ms.toFixed(0)} ms`,
);
const tight = spent(() => pld(training).epsilon(1e-5));
line('the same by privacy loss distribution', `ε ${tight.result.toFixed(4)} in ${tight.ms.toFixed(0)} ms`);

const folder = `${process.env['MERLON_SHARED'] ?? '../shared'}/data/models/anonymity`;
if (!existsSync(`${folder}/adult.csv.gz`)) {
  console.log('Adult is not there (MERLON_SHARED): no figures on tables');
  process.exit(0);
}
const table = parseCsv(gunzipSync(readFileSync(`${folder}/adult.csv.gz`)).toString('utf8'));
const hierarchies = JSON.parse(readFileSync(`${folder}/adult_hierarchies.json`, 'utf8')) as Record<
  string,
  string[][]
>;
const label = 'salary-class';
const cells = (column: string): string[] => table.rows.map((row) => row[table.columns.indexOf(column)]!);
const attributes = table.columns.map((column) =>
  encodeAttribute(column, cells(column), hierarchyFromRows(hierarchies[column]!, column)),
);
const rows = table.rows.length;
const whole = { rows, attributes, sensitive: [], goals: { k: 5 } };
const lattice = spent(() => satisfyingNodes(whole, 0.04));
line(`${lattice.result.lattice} nodes of Adult, 9 quasi-identifiers, k = 5`, `${lattice.ms.toFixed(0)} ms`);

const inputs = { ...whole, attributes: attributes.filter(({ name }) => name !== label) };
const task = taskOf(inputs, label, encodeSensitive(label, cells(label)).codes, 1);
const best = satisfyingNodes(inputs, 0.04).results.reduce((one, other) =>
  other.loss < one.loss ? other : one,
);
const score = (result: NonNullable<ReturnType<typeof mondrian>>): string => {
  const { original, anonymised } = taskUtility(inputs, result, task);
  return (
    `accuracy ${original.accuracy.toFixed(4)} → ${anonymised.accuracy.toFixed(4)}, ` +
    `AUC ${original.auc.toFixed(4)} → ${anonymised.auc.toFixed(4)}, NCP ${utilityOf(inputs, result).ncp.toFixed(3)}`
  );
};
line(`full-domain k = 5, 4 %, least loss (${best.node.join()})`, score(applyNode(inputs, best.node)));
for (const k of [5, 100]) {
  const { result, ms } = spent(() => mondrian({ ...inputs, goals: { k } })!);
  line(`Mondrian k = ${k} (${ms.toFixed(0)} ms)`, score(result));
}

// Strict: the synthesiser never sees the rows that the models are tested on.
const order = shuffle(
  Int32Array.from({ length: rows }, (_, row) => row),
  seededRandom(1),
);
const tested = new Set(order.subarray(0, Math.round(rows * 0.3)));
const seen = table.rows.filter((_, row) => !tested.has(row));
for (const epsilon of [0.3, 1, 3]) {
  const scores = [1, 2, 3, 4, 5].map((seed) => {
    const plan = planSynthesis({ columns: table.columns, label, epsilon, delta: 1e-5, bounds: {} });
    const made = plan.fit(seen, systemRandom()).sample(seen.length, seededRandom(seed));
    return evaluateSynthesis(table.columns, table.rows, made, label, 1).synthetic;
  });
  const mean = (of: 'accuracy' | 'auc'): string =>
    (scores.reduce((sum, one) => sum + one[of], 0) / scores.length).toFixed(4);
  line(
    `synthetic Adult, ε = ${epsilon}, δ = 1e-5, 5 runs`,
    `accuracy ${mean('accuracy')}, AUC ${mean('auc')}`,
  );
}
