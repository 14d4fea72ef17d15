import { compareSketches, type Comparison } from './compare.ts';
import { emptySketch, merge, type Sketch } from './sketch.ts';

/** What one detector remembers between windows. */
interface DetectorState {
  /** Natural logarithm of the evidence against "nothing changed since `since`"; 0 at rest. */
  evidence: number;
  /** Start of the first window that the evidence rests on. */
  since: number;
  /** All windows since then, merged. */
  recent: Sketch;
  drifting: boolean;
}

export interface DetectorGate {
  /** Evidence that raises the alarm: without change it takes on average at least this many windows to reach it. */
  threshold: number;
  /** Least effect of all windows since the change; below it a difference is real but does not matter. */
  effect: number;
}

/** What a window did to a detector. */
interface Judgement {
  state: DetectorState;
  /** This window alone against the reference. */
  window: Comparison;
  /** All windows since the suspected change against the reference. */
  recent: Comparison;
  change: 'none' | 'drift' | 'recovery';
}

function restingDetector(kind: Sketch['kind']): DetectorState {
  return { evidence: 0, since: 0, recent: emptySketch(kind), drifting: false };
}

/**
 * One step of an e-detector (Shin, Ramdas and Rinaldo 2024): e-values of the windows are multiplied since the most
 * suspicious moment. With the gate on the effect, many points alone never raise an alarm.
 */
function step(
  before: DetectorState,
  reference: Sketch,
  current: Sketch,
  at: number,
  gate: DetectorGate,
): Judgement {
  const window = compareSketches(reference, current);
  const begins = before.evidence <= 0;
  const recent = emptySketch(reference.kind);
  if (!begins) merge(recent, before.recent);
  merge(recent, current);
  const most = before.drifting ? drifting : 2 * Math.log(gate.threshold);
  const evidence = Math.min(most, before.evidence + Math.log(evidenceOf(window.p)));
  const all = begins ? window : compareSketches(reference, recent);
  const state: DetectorState = {
    evidence: Math.max(0, evidence),
    since: begins ? at : before.since,
    recent,
    drifting: before.drifting,
  };
  if (!before.drifting && evidence >= Math.log(gate.threshold) && all.effect >= gate.effect)
    return { state: { ...state, drifting: true }, window, recent: all, change: 'drift' };
  if (before.drifting && evidence <= 0)
    return { state: { ...state, drifting: false }, window, recent: all, change: 'recovery' };
  return { state, window, recent: all, change: 'none' };
}

/** Most that a drift keeps, in logarithms: so it is over after a few quiet windows or blocks, however long it was. */
const drifting = Math.log(4);

/** E-value of a p-value, no parameter: the mean of all power calibrators (Vovk and Wang 2021, eq. 2). Mean at most 1 without change. */
export function evidenceOf(p: number): number {
  const bounded = Math.min(1, Math.max(p, 1e-300));
  const log = Math.log(bounded);
  // Near 1 the formula is 0/0; its limit is 1/2.
  if (log > -1e-4) return 0.5;
  return (1 - bounded + bounded * log) / (bounded * log * log);
}

/** A detector per window for large changes, and one per block of windows for small ones: each has half of the false alarms. */
export interface PairState {
  window: DetectorState;
  block: DetectorState;
  /** The block that is being filled. */
  filling: { sketch: Sketch; windows: number; from: number };
}

/** Windows of a block. */
const blockWindows = 5;

export function restingPair(kind: Sketch['kind']): PairState {
  return {
    window: restingDetector(kind),
    block: restingDetector(kind),
    filling: { sketch: emptySketch(kind), windows: 0, from: 0 },
  };
}

export const isDrifting = ({ window, block }: PairState): boolean => window.drifting || block.drifting;
export const evidenceOfPair = ({ window, block }: PairState): number =>
  Math.max(window.evidence, block.evidence);

/** One window for both detectors. `recent` and `since` are those of the detector with more evidence. */
export function stepPair(
  before: PairState,
  reference: Sketch,
  current: Sketch,
  at: number,
  gate: DetectorGate,
): Omit<Judgement, 'state'> & { state: PairState; since: number; merged: Sketch } {
  const half = { ...gate, threshold: gate.threshold * 2 };
  const fast = step(before.window, reference, current, at, half);
  const sketch = emptySketch(reference.kind);
  merge(sketch, before.filling.sketch);
  merge(sketch, current);
  const filling = {
    sketch,
    windows: before.filling.windows + 1,
    from: before.filling.windows === 0 ? at : before.filling.from,
  };
  const full = filling.windows >= blockWindows;
  const slow = full ? step(before.block, reference, sketch, filling.from, half) : undefined;
  const state: PairState = {
    window: fast.state,
    block: slow?.state ?? before.block,
    filling: full ? { sketch: emptySketch(reference.kind), windows: 0, from: 0 } : filling,
  };
  const was = isDrifting(before);
  const is = isDrifting(state);
  const leading = slow && slow.state.evidence > fast.state.evidence ? slow : fast;
  return {
    state,
    window: fast.window,
    recent: leading.recent,
    since: leading.state.since,
    merged: leading.state.recent,
    change: was === is ? 'none' : is ? 'drift' : 'recovery',
  };
}
