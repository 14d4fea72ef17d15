// Kind `anonymity`: full-domain lattices over Adult (adult.csv.gz and adult_hierarchies.json of the shared data): how many
// nodes satisfy the criteria, which are minimal, which are best; and what ARX's own tests expect.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { shared } from '../shared.mjs';

/** @param {string} dist folder of the built product */
export async function anonymity(dist, { passed }) {
  const load = (name) => import(join(dist, 'data/anonymise', name));
  const { parseCsv } = await load('table.js');
  const { hierarchyFromRows } = await load('hierarchy.js');
  const { encodeAttribute, encodeSensitive } = await load('encoded.js');
  const { satisfyingNodes, minimalNodes, applyNode, rankedLoss, compareRanked } = await load('lattice.js');
  const { riskOf } = await load('risk.js');

  const folder = join(shared, 'data/models/anonymity');
  const table = parseCsv(gunzipSync(readFileSync(join(folder, 'adult.csv.gz'))).toString('utf8'));
  const hierarchies = JSON.parse(readFileSync(join(folder, 'adult_hierarchies.json'), 'utf8'));
  const cells = (column) => table.rows.map((row) => row[table.columns.indexOf(column)]);
  const known = new Map();
  const attribute = (column) => {
    if (!known.has(column))
      known.set(
        column,
        encodeAttribute(column, cells(column), hierarchyFromRows(hierarchies[column], column)),
      );
    return known.get(column);
  };
  const encode = (qi, k, criterion, sensitive) => ({
    rows: table.rows.length,
    attributes: qi.map(attribute),
    sensitive: sensitive ? [encodeSensitive(sensitive, cells(sensitive))] : [],
    goals: { k, ...goalsOf(criterion ?? {}) },
  });
  function goalsOf({ l, c, entropyL, t, distance = 'equal', ...other }) {
    const [unknown] = Object.keys(other);
    if (unknown !== undefined) throw new Error(`no criterion \`${unknown}\``);
    return {
      ...(l !== undefined && { l: c === undefined ? { kind: 'distinct', l } : { kind: 'recursive', l, c } }),
      ...(entropyL !== undefined && { l: { kind: 'entropy', l: entropyL } }),
      ...(t !== undefined && { t: { t, distance } }),
    };
  }
  const near = (left, right) => Math.abs(left - right) <= 1e-9 * Math.max(1, Math.abs(right));
  const least = (results, measure) =>
    results.reduce((best, one) => (measure(one) < measure(best) ? one : best), results[0]);

  function lattice(row) {
    const encoded = encode(row.qi, row.k, row.criterion, row.sensitive);
    const { results, lattice: size } = satisfyingNodes(encoded, row.suppression_limit);
    if (size !== row.lattice) return `a lattice of ${size} nodes instead of ${row.lattice}`;
    if (results.length !== row.satisfying)
      return `${results.length} nodes satisfy instead of ${row.satisfying}`;
    const minimal = minimalNodes(
      results,
      encoded.attributes.map(({ hierarchy }) => hierarchy.levels.length),
    );
    if (minimal.length !== row.n_minimal)
      return `${minimal.length} minimal nodes instead of ${row.n_minimal}`;
    const texts = new Set(minimal.map(String));
    if (row.minimal_nodes?.some((node) => !texts.has(String(node)))) return 'other minimal nodes';
    const found = (node) => results.find((one) => String(one.node) === String(node));
    const { optimal_discernibility: dm, optimal_loss: loss } = row;
    if (dm) {
      const best = least(results, (one) => one.discernibility).discernibility;
      const own = found(dm.node);
      if (best !== dm.dm) return `least discernibility ${best} instead of ${dm.dm}`;
      if (own?.discernibility !== dm.dm || own.suppressed !== dm.suppressed)
        return 'another discernibility at its node';
      if (dm.classes !== undefined && own.classes !== dm.classes)
        return `${own.classes} classes instead of ${dm.classes}`;
    }
    if (loss) {
      const best = least(results, (one) => one.loss).loss;
      const own = found(loss.node);
      if (!near(best, loss.loss)) return `least loss ${best} instead of ${loss.loss}`;
      if (!own || !near(own.loss, loss.loss) || own.suppressed !== loss.suppressed)
        return 'another loss at its node';
    }
    return passed;
  }

  /** What ARX's tests expect of adult.csv. Without a list, all columns of the table are quasi-identifiers. */
  function arx(row) {
    const t = /^t-closeness equal distance (\S+) ([\d.]+)/.exec(row.criterion);
    const qi = row.qi ?? table.columns.filter((column) => column !== t?.[1]);
    if (row.node) {
      const encoded = encode(qi, row.k, t ? { t: Number(t[2]) } : undefined, t?.[1]);
      const { partitions, suppressed } = applyNode(encoded, row.node);
      if (suppressed.length > row.suppression_limit * table.rows.length)
        return `${suppressed.length} rows suppressed`;
      const expected = /(\d+) suppressed/.exec(row.checked ?? '')?.[1];
      if (expected !== undefined && suppressed.length !== Number(expected))
        return `${suppressed.length} rows suppressed instead of ${expected}`;
      if (row.metric === 'discernability') {
        const { results } = satisfyingNodes(encoded, row.suppression_limit);
        const best = least(results, (one) => one.discernibility);
        if (best.discernibility !== row.info_loss || String(best.node) !== String(row.node))
          return `optimum ${best.node} with ${best.discernibility}`;
      }
      return partitions.every(({ rows }) => rows.length >= row.k) ? passed : 'a class is smaller than k';
    }
    if (row.criterion.startsWith('raw average')) {
      const encoded = encode(qi, 1);
      const risk = riskOf(
        applyNode(
          encoded,
          qi.map(() => 0),
        ),
      ).prosecutor.average;
      return near(risk, row.value) ? passed : `average risk ${risk} instead of ${row.value}`;
    }
    const k = Number(/^(\d+)-anonymity/.exec(row.criterion)?.[1]);
    if (k > 0) {
      const encoded = encode(qi, k);
      const { results } = satisfyingNodes(encoded, row.suppression_limit ?? 0);
      const ranked = /\(rank\)/.test(row.criterion);
      const best = ranked
        ? results
            .map(({ node }) => ({ node, loss: rankedLoss(encoded, node) }))
            .reduce((best, one) => (compareRanked(one.loss, best.loss) < 0 ? one : best))
        : least(results, (one) => one.loss);
      const risk = riskOf(applyNode(encoded, best.node)).prosecutor.average;
      return near(risk, row.value) ? passed : `average risk ${risk} at ${best.node} instead of ${row.value}`;
    }
    return 'a criterion that is not known';
  }

  return (row) => (Array.isArray(row.qi) && row.lattice !== undefined ? lattice(row) : arx(row));
}
