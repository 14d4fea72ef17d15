import type { PrivateTraining } from '../language-model/train.ts';
import type { CanaryExposure, Extraction, Membership } from './attacks.ts';
import { median } from './metrics.ts';

export interface ExposureGroup {
  /** Which canaries in which model, for people. */
  name: string;
  median: number;
  /** Bits that can be measured at most with this many samples. */
  measurable: number;
  canaries: CanaryExposure[];
}

export interface Defence {
  name: string;
  /** Best attack against the defended target. */
  attack?: string;
  auc?: number;
  /** Median exposure of canaries that were seen, in bits. */
  exposure?: number;
  note: string;
}

export interface Check {
  name: string;
  wanted: string;
  found: string;
  ok: boolean;
}

export interface LabReport {
  target: string;
  kind: 'self-test' | 'target';
  exposure: ExposureGroup[];
  extraction: { what: string; result: Extraction }[];
  membership: Membership[];
  defences: Defence[];
  /** How the defended test bed was trained; `audited` is a lower bound on ε that an attack proved. */
  private?: PrivateTraining & { epsilon: number; delta: number; audited: number };
  checks: Check[];
  /** What could not be measured, and why. */
  inconclusive: string[];
  cpuSeconds: number;
}

export function exposureGroup(name: string, canaries: CanaryExposure[]): ExposureGroup {
  return {
    name,
    median: median(canaries.map(({ bits }) => bits)),
    measurable: Math.log2(canaries[0]?.of ?? 1),
    canaries,
  };
}

/** The report as lines for a terminal. */
export function reportLines(report: LabReport): string[] {
  const lines = [`Privacy lab: ${report.target}`, ''];
  if (report.exposure.length > 0) {
    lines.push('Exposure of canaries (bits; 0 is a guess)');
    for (const { name, median: bits, measurable, canaries } of report.exposure)
      lines.push(
        `  ${name.padEnd(46)} median ${bits.toFixed(1).padStart(5)}  ` +
          `[${canaries.map((one) => one.bits.toFixed(1)).join(' ')}]  of ${measurable.toFixed(1)}`,
      );
    lines.push('');
  }
  if (report.extraction.length > 0) {
    lines.push('Extraction by prefix');
    for (const { what, result } of report.extraction)
      lines.push(
        `  ${what.padEnd(46)} ${result.exact} of ${result.tried} word for word, ${result.near} within 5 %`,
      );
    lines.push('');
  }
  if (report.membership.length > 0) {
    lines.push(
      'Membership inference                            AUC   95 % interval  TPR at 0.1 %    1 %   10 %',
    );
    for (const {
      attack,
      auc,
      aucInterval: [low, high],
      tprAtFpr,
    } of report.membership)
      lines.push(
        `  ${attack.padEnd(46)} ${auc.toFixed(3)} ${low.toFixed(2)} to ${high.toFixed(2)}  ` +
          ['0.001', '0.01', '0.1'].map((rate) => share(tprAtFpr[rate]).padStart(10)).join(''),
      );
    lines.push('');
  }
  if (report.defences.length > 0) {
    lines.push('Defences');
    for (const { name, attack, auc, exposure: bits, note } of report.defences) {
      const figures = [
        auc === undefined ? '' : `AUC ${auc.toFixed(3)} (${attack})`,
        bits === undefined ? '' : `exposure ${bits.toFixed(1)}`,
      ].filter((one) => one !== '');
      lines.push(`  ${name.padEnd(46)} ${[...figures, note].join(', ')}`);
    }
    lines.push('');
  }
  if (report.private) {
    const { epsilon, delta, audited, sigma, rate, steps } = report.private;
    lines.push(
      `Private training: σ ${sigma}, rate ${rate}, ${steps} steps: ε ${epsilon.toFixed(2)} at δ ${delta.toExponential(1)}; ` +
        `an attack proves at least ${audited.toFixed(2)}`,
      '',
    );
  }
  for (const { name, wanted, found, ok } of report.checks)
    lines.push(`${ok ? 'ok  ' : 'LEAK'}  ${name}: ${found} (${wanted})`);
  for (const why of report.inconclusive) lines.push(`?     ${why}`);
  lines.push(`${report.cpuSeconds.toFixed(0)} s of one core`);
  return lines;
}

const share = (value: number | undefined): string =>
  value === undefined ? '' : `${(100 * value).toFixed(1)} %`;
