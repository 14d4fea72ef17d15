// Kind `dp`: accountant rows (events with the ε, δ, Rényi curve or σ of a reference) and probability tables of samplers.
import { join } from 'node:path';

/** Draws per table of a sampler, and the p-value below which they are not from that table. */
const draws = 200_000;
const leastP = 1e-4;

/** @param {string} dist folder of the built product */
export async function dp(dist, { passed, skipped }) {
  const load = (name) => import(join(dist, 'data/privacy', name));
  const { rdp, epsilonOfRdp, deltaOfRdp } = await load('rdp.js');
  const { pld } = await load('pld.js');
  const { PrivacyEvent } = await load('events.js');
  const { analyticGaussian } = await load('calibrate.js');
  const { discreteGaussian, discreteLaplace } = await load('noise.js');
  const { parseRational } = await load('rational.js');
  const { seededRandom } = await load('random.js');
  const { chiSquareTail } = await load('special.js');
  const { lowerBound } = await load('lower-bound.js');

  /** An upper bound may also be tighter than the reference; one that is looser may not. */
  function upperBound(value, reference, row, what) {
    const room = row.tol_rel * Math.abs(reference) + 1e-15;
    if (value <= reference + room && value >= reference - room) return passed;
    if (value < reference) {
      const proof =
        what === 'epsilon' ? pldOf(row)?.epsilon(row.query.delta) : pldOf(row)?.delta(row.query.epsilon);
      // Rényi bounds that stay above the tight value are proved; the tight accountant itself must agree with the reference.
      return row.accountant === 'rdp' && proof !== undefined && value >= proof * (1 - 1e-6)
        ? passed
        : `${what} ${value} instead of ${reference}`;
    }
    if (what === 'epsilon' && lowerBound(row.event, reference) > row.query.delta * (1 + 1e-6))
      return skipped('the reference is below a proved lower bound of the loss');
    return `${what} ${value} instead of ${reference}`;
  }

  function pldOf(row) {
    try {
      return pld(PrivacyEvent.parse(row.event));
    } catch {
      return undefined;
    }
  }

  function near(value, reference, tolerance) {
    return Math.abs(value - reference) <= tolerance * Math.abs(reference);
  }

  /** The definition of the divergence for repeated, Poisson-sampled Gaussians by Simpson's rule: what a tighter value must equal. */
  function integral(event, order) {
    const { count, event: { q, event: { sigma } = {} } = {} } = event;
    if (event.type !== 'self' || event.event.type !== 'poisson' || !(sigma > 0)) return NaN;
    const [low, high, steps] = [-14 * sigma, order + 14 * sigma, 40_000];
    const width = (high - low) / steps;
    let sum = 0;
    for (let n = 0; n <= steps; n++) {
      const x = low + n * width;
      const density = Math.exp(-(x ** 2) / (2 * sigma ** 2)) / (sigma * Math.sqrt(2 * Math.PI));
      const weight = n === 0 || n === steps ? 1 : n % 2 === 1 ? 4 : 2;
      sum += weight * density * (1 - q + q * Math.exp((2 * x - 1) / (2 * sigma ** 2))) ** order;
    }
    return (count * Math.log((sum * width) / 3)) / (order - 1);
  }

  function accountant(row) {
    if (row.accountant === 'analytic') {
      const sigma = analyticGaussian(row.query.epsilon, row.query.delta);
      return near(sigma, row.sigma, row.tol_rel) ? passed : `σ ${sigma} instead of ${row.sigma}`;
    }
    const event = PrivacyEvent.parse(row.event);
    if (row.accountant === 'rdp-curve') {
      const curve = rdp(event, row.orders);
      const wrong = row.orders.findIndex(
        (order, at) =>
          !near(curve[at], row.rdp[at], row.tol_rel) &&
          !(curve[at] < row.rdp[at] && near(curve[at], integral(row.event, order), row.tol_rel)),
      );
      return wrong < 0
        ? passed
        : `${curve[wrong]} at order ${row.orders[wrong]} instead of ${row.rdp[wrong]}`;
    }
    if (row.accountant === 'rdp') {
      const curve = rdp(event);
      return row.epsilon === undefined
        ? upperBound(deltaOfRdp(curve, row.query.epsilon), row.delta, row, 'delta')
        : upperBound(epsilonOfRdp(curve, row.query.delta).epsilon, row.epsilon, row, 'epsilon');
    }
    if (row.accountant === 'pld') {
      const loss = pld(event);
      return row.epsilon === undefined
        ? upperBound(loss.delta(row.query.epsilon), row.delta, row, 'delta')
        : upperBound(loss.epsilon(row.query.delta), row.epsilon, row, 'epsilon');
    }
    return `no accountant \`${row.accountant}\``;
  }

  function sampler(row) {
    const random = seededRandom(20_261_122);
    const draw =
      row.kind === 'discrete-gaussian-pmf'
        ? discreteGaussian(parseRational(row.sigma2), random)
        : row.kind === 'discrete-laplace-pmf'
          ? discreteLaplace(parseRational(row.scale), random)
          : undefined;
    if (!draw) return `no sampler for ${row.kind}`;
    const [low, high] = row.support;
    const counts = new Map();
    for (let n = 0; n < draws; n++) {
      const one = draw();
      counts.set(one, (counts.get(one) ?? 0) + 1);
    }
    // Cells in which little is expected are joined, with what lies outside the table.
    let chi = 0;
    let cells = 0;
    let restExpected = draws;
    let restSeen = draws;
    for (let x = low; x <= high; x++) {
      const expected = row.pmf[x - low] * draws;
      if (expected < 10) continue;
      const seen = counts.get(x) ?? 0;
      chi += (seen - expected) ** 2 / expected;
      cells += 1;
      restExpected -= expected;
      restSeen -= seen;
    }
    if (restExpected >= 5) {
      chi += (restSeen - restExpected) ** 2 / restExpected;
      cells += 1;
    } else if (restSeen > 40) return `${restSeen} draws where almost none is expected`;
    const p = chiSquareTail(chi, cells - 1);
    return p >= leastP ? passed : `χ² ${chi} with ${cells - 1} degrees of freedom, p = ${p}`;
  }

  return (row) => (Array.isArray(row.pmf) ? sampler(row) : accountant(row));
}
