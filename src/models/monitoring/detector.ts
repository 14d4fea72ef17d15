import { compareSketches, type Comparison } from './compare.ts';
import { emptySketch, merge, type Sketch } from './sketch.ts';

/** What one detector remembers between windows. */
export interface DetectorState {
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
export interface Judgement {
  state: DetectorState;
  /** This window alone against the reference. */
  window: Comparison;
  /** All windows since the suspected change against the reference. */
  recent: Comparison;
  change: 'none' | 'drift' | 'recovery';
}

export function restingDetector(kind: Sketch['kind']): DetectorState {
  return { evidence: 0, since: 0, recent: emptySketch(kind), drifting: false };
}

/**
 * One step of an e-detector (Shin, Ramdas and Rinaldo 2024): e-values of the windows are multiplied since the most
 * suspicious moment. With the gate on the effect, many points alone never raise an alarm.
 */
export function step(
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

/** Most that a drift keeps, in logarithms: so it is over about ten windows after its end, however long it was. */
const drifting = Math.log(100);

/** E-value of a p-value, no parameter: the mean of all power calibrators (Vovk and Wang 2021, eq. 2). Mean at most 1 without change. */
export function evidenceOf(p: number): number {
  const bounded = Math.min(1, Math.max(p, 1e-300));
  const log = Math.log(bounded);
  // Near 1 the formula is 0/0; its limit is 1/2.
  if (log > -1e-4) return 0.5;
  return (1 - bounded + bounded * log) / (bounded * log * log);
}
