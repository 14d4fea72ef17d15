import type { Status } from '../../kernel/evidence.ts';
import type { Level } from '../../kernel/severity.ts';
import { Level as Levels } from '../../kernel/severity.ts';
import type { Residual } from '../status.ts';
import type { ReportInput, ReportThreat } from './input.ts';

/** What a status says, in the words of a report. */
export const meanings: Record<Status, string> = {
  open: 'no sufficient control is bound',
  controlled: 'a control is bound; nothing has attacked it yet',
  verified: 'the attack works with the control off and fails with it on, within the bound',
  failing: 'the attack works although the control is on',
  inconclusive: 'the attack never reached its target, so nothing is proven',
  stale: 'what the evidence rests on has changed, or it is too old',
  accepted: 'a person accepts this risk until a date',
  utility_failure: 'the control also stops harmless use',
  no_probe: 'a control is bound, and no probe can attack it for this threat',
};

export interface ReportRow {
  threat: ReportThreat;
  residual: Residual;
}

/** Threats with what is left of them, worst first. */
export function rows(input: ReportInput): ReportRow[] {
  const byKey = new Map(input.residual.map((one) => [one.key, one]));
  return input.threats
    .flatMap((threat) => {
      const residual = byKey.get(threat.key);
      return residual ? [{ threat, residual }] : [];
    })
    .sort(
      (a, b) =>
        b.residual.residual - a.residual.residual ||
        b.threat.risk - a.threat.risk ||
        (a.threat.key < b.threat.key ? -1 : 1),
    );
}

export function countBy<T extends string>(values: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

export function worstLevel(list: readonly Residual[]): Level | undefined {
  return list.reduce<Level | undefined>(
    (worst, { level }) =>
      worst === undefined || Levels.options.indexOf(level) > Levels.options.indexOf(worst) ? level : worst,
    undefined,
  );
}

/** What a reader must not take from the report. */
export function notProven(input: ReportInput): string[] {
  const list = rows(input);
  const of = (status: Status) => list.filter((row) => row.residual.status === status);
  const said: string[] = [];
  const say = (status: Status, one: string, many: string) => {
    const count = of(status).length;
    if (count > 0) said.push(`${count} ${count === 1 ? one : many}`);
  };
  say('open', 'threat has no sufficient control.', 'threats have no sufficient control.');
  say(
    'failing',
    'threat has a control that an attack got past.',
    'threats have a control that an attack got past.',
  );
  say(
    'controlled',
    'threat has a control that nothing has attacked yet.',
    'threats have a control that nothing has attacked yet.',
  );
  say(
    'no_probe',
    'threat has a control that no probe can attack: that it helps is a claim.',
    'threats have a control that no probe can attack: that it helps is a claim.',
  );
  say(
    'stale',
    'threat rests on evidence that no longer counts.',
    'threats rest on evidence that no longer counts.',
  );
  say(
    'inconclusive',
    'threat was attacked without reaching its target.',
    'threats were attacked without reaching their target.',
  );
  say(
    'utility_failure',
    'threat has a control that breaks harmless use.',
    'threats have a control that breaks harmless use.',
  );
  say(
    'accepted',
    'threat is accepted by a person, not answered.',
    'threats are accepted by a person, not answered.',
  );
  const ruledOut = input.disabled?.length ?? 0;
  if (ruledOut > 0)
    said.push(
      `${ruledOut} ${ruledOut === 1 ? 'threat is' : 'threats are'} ruled out by assumptions that nobody tested.`,
    );
  said.push(
    'A bound holds for the attacks that were run and their like. It is not a promise about attacks that nobody has thought of.',
    'Repeated trials of one attack differ in their tokens, their form and what was said before; they are not independent draws from all attacks.',
    'Unless it says otherwise, the model behind the controls was the reference victim, which obeys everything. It shows what the controls do, not how a given model behaves.',
    'What is not in the threat model file was not looked at.',
  );
  return said;
}

/** `3 days ago`; whole units, rounded down. */
export function age(at: number, now: number): string {
  const minutes = Math.max(0, Math.floor((now - at) / 60_000));
  if (minutes < 1) return 'just now';
  const [count, unit] =
    minutes < 60
      ? [minutes, 'minute']
      : minutes < 1440
        ? [Math.floor(minutes / 60), 'hour']
        : [Math.floor(minutes / 1440), 'day'];
  return `${count} ${unit}${count === 1 ? '' : 's'} ago`;
}

export const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** `2026-11-21 23:40 UTC`. */
export const moment = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
