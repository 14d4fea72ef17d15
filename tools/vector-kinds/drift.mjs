// Kind `drift`: distances and p-values between a reference and current values, counts or points.
import { join } from 'node:path';

/** @param {string} dist folder of the built product */
export async function drift(dist, { passed }) {
  const { categoricalDrift, medianGamma, mmdSquared, numericDrift } = await import(
    join(dist, 'models/monitoring/statistics.js')
  );

  const measured = {
    'numeric-drift'({ ref, cur }) {
      const found = numericDrift(ref, cur);
      return {
        psi: found.psi,
        psi_edges: found.edges,
        ref_freq: found.referenceShares,
        cur_freq: found.currentShares,
        ks_stat: found.ks,
        ks_p_asymp: found.ksP,
        wasserstein: found.wasserstein,
        js_distance_base2: found.jensenShannon,
        kl: found.kullbackLeibler,
        hellinger: found.hellinger,
      };
    },
    'categorical-drift'({ ref_counts: reference, cur_counts: current }) {
      const found = categoricalDrift(reference, current);
      return {
        chi2: found.chiSquare,
        chi2_p: found.chiSquareP,
        psi: found.psi,
        js_distance_base2: found.jensenShannon,
        tvd: found.totalVariation,
      };
    },
    'mmd-rbf': ({ x, y, gamma }) => ({ gamma: medianGamma(x, y), mmd2_unbiased: mmdSquared(x, y, gamma) }),
  };

  return (row) => {
    const measure = measured[row.kind];
    if (!measure) return `no statistic for ${row.kind}`;
    const near = (value, wanted) => Math.abs(value - wanted) <= row.tol_rel * Math.abs(wanted) + 1e-15;
    for (const [name, value] of Object.entries(measure(row))) {
      const wanted = row[name];
      if (wanted === undefined) continue;
      const pairs = Array.isArray(wanted) ? wanted.map((one, at) => [value[at], one]) : [[value, wanted]];
      const wrong = pairs.find(([found, one]) => !near(found, one));
      if (wrong) return `${name} ${wrong[0]} instead of ${wrong[1]}`;
    }
    return passed;
  };
}
