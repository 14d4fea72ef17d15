// Kind `watermark`: p-values of the Gumbel and KGW tests, and the numbers of SynthID-Text bit by bit.
import { join } from 'node:path';

/** @param {string} dist folder of the built product */
export async function watermark(dist, { passed }) {
  const load = (name) => import(join(dist, 'models/watermark', name));
  const { binomialTail, gammaTail } = await load('exact-tails.js');
  const { gumbelZ } = await load('gumbel.js');
  const { kgwZ } = await load('kgw.js');
  const { synthIdHash, synthIdStart, tournament, meanScore, weightedMeanScore } = await load('synthid.js');

  /** Every value that the row names, within its tolerance. */
  function compare(row, values) {
    const near = (value, wanted) =>
      Math.abs(value - wanted) <= (row.tol_abs ?? 0) + (row.tol_rel ?? 1e-12) * Math.abs(wanted);
    for (const [name, value] of Object.entries(values))
      if (row[name] !== undefined && !near(value, row[name]))
        return `${name} ${value} instead of ${row[name]}`;
    return passed;
  }

  const same = (left, right) => JSON.stringify(left) === JSON.stringify(right);

  function synthIdValues(row) {
    const { keys, tokens, ngram_len: length } = row;
    if (String(synthIdStart(keys)) !== row.hash_iv) return 'another start value';
    const hash = synthIdHash(keys);
    const ngrams = Array.from({ length: tokens.length - length + 1 }, (_, i) => tokens.slice(i, i + length));
    const hashes = ngrams.map((ngram) => hash.ngramKeys(ngram).slice(0, 3).map(String));
    if (!same(hashes, row.ngram_keys_first3)) return 'other n-gram keys';
    const bits = ngrams.map((ngram) => [...hash.bits(ngram)]);
    if (!same(bits, row.g_values)) return 'other g-values';
    return compare(row, { mean_score: meanScore(bits), weighted_mean_score: weightedMeanScore(bits) });
  }

  function synthIdUpdate(row) {
    const largest = Math.max(...row.scores);
    const weights = row.scores.map((score) => Math.exp(score - largest));
    const total = weights.reduce((sum, one) => sum + one, 0);
    const before = Float64Array.from(weights, (one) => one / total);
    const after = tournament(before, row.g_values);
    const differs = (left, right) => left.some((one, i) => !(Math.abs(one - right[i]) <= row.tol_abs));
    if (differs(before, row.probs_in)) return 'other probabilities to start from';
    return differs(after, row.probs_out) ? 'other probabilities' : passed;
  }

  return (row) => {
    if (row.kind === 'gumbel')
      return compare(row, { p_gamma: gammaTail(row.T, row.score).p, z: gumbelZ(row.T, row.score) });
    if (row.kind === 'kgw')
      return compare(row, {
        z: kgwZ(row.T, row.green, row.gamma),
        p_binomial_exact: binomialTail(row.T, row.green, row.gamma).p,
      });
    if (row.kind === 'synthid-gvalues') return synthIdValues(row);
    if (row.kind === 'synthid-update-scores') return synthIdUpdate(row);
    return 'a shape that is not known';
  };
}
