import { logAdd, logChoose } from './special.ts';
import { mechanisms, type PrivacyEvent } from './events.ts';

/**
 * A δ that the event surely has at this ε, by exhibiting outputs that tell two neighbours apart: the repetitions of its pure
 * mechanisms alone, read as randomised response. 0 where nothing is known. For auditing claims, never for accounting.
 */
export function lowerBound(event: PrivacyEvent, epsilon: number): number {
  return Math.max(
    0,
    ...mechanisms(event).map(({ event: one, count }) => {
      if (one.type === 'randomizedResponse') {
        const lie = one.p / one.k;
        return repeated(Math.log(1 - one.p + lie), Math.log(lie), count, epsilon);
      }
      // An exponential mechanism over two candidates whose scores change places shifts the odds by e^(ε/2) for each neighbour.
      if (one.type === 'exponential') {
        const odds = one.epsilon / 2;
        const win = -Math.log1p(Math.exp(-odds));
        return repeated(win, win - odds, count, epsilon);
      }
      return 0;
    }),
  );
}

/** δ(ε) from the event that at least m of n outputs favour P: each with log-probability `p` under P and `q` under Q. */
function repeated(p: number, q: number, count: number, epsilon: number): number {
  const notP = Math.log1p(-Math.exp(p));
  const notQ = Math.log1p(-Math.exp(q));
  let best = 0;
  let [underP, underQ] = [-Infinity, -Infinity];
  for (let hits = count; hits >= 0; hits--) {
    const ways = logChoose(count, hits);
    underP = logAdd(underP, ways + hits * p + (count - hits) * notP);
    underQ = logAdd(underQ, ways + hits * q + (count - hits) * notQ);
    best = Math.max(best, Math.exp(underP) - Math.exp(epsilon + underQ));
  }
  return best;
}
