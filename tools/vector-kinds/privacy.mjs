// Kind `privacy`: scores of membership inference, exposure of canaries, and lower bounds on ε from attacks.
import { join } from 'node:path';

/** @param {string} dist folder of the built product */
export async function privacy(dist, { passed }) {
  const metrics = await import(join(dist, 'models/privacy-lab/metrics.js'));

  function compare(row, pairs) {
    for (const [name, value, wanted] of pairs) {
      const room = (row.tol_abs ?? 0) + (row.tol_rel ?? 1e-12) * Math.abs(wanted);
      if (!(Math.abs(value - wanted) <= room)) return `${name} ${value} instead of ${wanted}`;
    }
    return passed;
  }

  const judges = {
    'min-k': (row) =>
      compare(row, [
        ...Object.entries(row.min_k).map(([percent, wanted]) => [
          `min-k ${percent}`,
          metrics.minK(row.token_logprobs, Number(percent)),
          wanted,
        ]),
        ['ppl', metrics.perplexity(row.token_logprobs), row.ppl],
      ]),
    'min-k-plus-plus': (row) =>
      compare(row, [['score', metrics.minKPlusPlus(row.token_logprob, row.mu, row.sigma, 20), row.score20]]),
    lira(row) {
      const found = metrics.lira(row.conf_in, row.conf_out, row.conf_target);
      return compare(row, [
        ['phi', found.phi, row.phi],
        ['mean in', found.muIn, row.mu_in],
        ['deviation in', found.sdIn, row.sd_in],
        ['mean out', found.muOut, row.mu_out],
        ['deviation out', found.sdOut, row.sd_out],
        ['online', found.online, row.online_log_ratio],
        ['offline', found.offline, row.offline_score],
      ]);
    },
    roc(row) {
      const found = metrics.roc(row.members, row.nonmembers, Object.keys(row.tpr_at_fpr).map(Number));
      return compare(row, [
        ['auc', found.auc, row.auc],
        ...Object.entries(row.tpr_at_fpr).map(([rate, wanted]) => [
          `tpr at ${rate}`,
          found.tprAtFpr[String(Number(rate))],
          wanted,
        ]),
      ]);
    },
    exposure: (row) => compare(row, [['exposure', metrics.exposure(row.space, row.rank), row.exposure_bits]]),
    'dp-audit-cp'(row) {
      const found = metrics.auditEpsilon(row, row.delta, row.confidence);
      return compare(row, [
        ['fnr', found.fnrUpper, row.fnr_hi],
        ['fpr', found.fprUpper, row.fpr_hi],
        ['epsilon', found.epsilon, row.eps_lower],
      ]);
    },
    'dp-audit-onerun': (row) =>
      compare(row, [
        ['epsilon', metrics.auditOneRun(row.guesses, row.correct, row.confidence), row.eps_lower],
      ]),
  };
  return (row) => judges[row.kind]?.(row) ?? (judges[row.kind] ? passed : 'a shape that is not known');
}
