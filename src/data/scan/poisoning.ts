import type { SampledRecord } from './analyst.ts';

/** One text under several labels. */
export interface LabelConflict {
  line: number;
  labels: Record<string, number>;
}

/** A word that goes with one label far more often than the rest of its records does. */
export interface TriggerHint {
  token: string;
  label: string;
  records: number;
  /** Share of the records with the word that have the label. */
  purity: number;
  /** Share of them whose other words speak for another label. */
  contradicted: number;
}

export interface Poisoning {
  /** Distinct texts that were compared, and of how many one was. */
  compared: number;
  oneIn: number;
  labels: Record<string, number>;
  /** Distinct texts with more than one label; the list holds the first ones. */
  conflicting: number;
  conflicts: LabelConflict[];
  triggers: TriggerHint[];
}

const limits = {
  labels: 32,
  conflicts: 20,
  triggers: 20,
  fewest: 8,
  purity: 0.95,
  contradicted: 0.3,
  candidates: 400,
  nats: 2,
};

/** Hints of poisoned labels among sampled records. `lineOf` turns a place of a record into a line of the file. */
export function findPoisoning(
  records: ReadonlyMap<number, SampledRecord>,
  oneIn: number,
  lineOf: (place: { line: number; seq: number }) => number,
): Poisoning | undefined {
  const labelled = [...records.values()].filter(({ labels }) => labels.size > 0);
  if (labelled.length === 0) return undefined;
  const totals = new Map<string, number>();
  for (const { labels } of labelled)
    for (const [label, { count }] of labels) totals.set(label, (totals.get(label) ?? 0) + count);
  const conflicts = labelled.filter(({ labels }) => labels.size > 1);
  return {
    compared: labelled.length,
    oneIn,
    labels: Object.fromEntries([...totals].sort((left, right) => right[1] - left[1]).slice(0, limits.labels)),
    conflicting: conflicts.length,
    conflicts: conflicts
      .map(({ labels }) => ({
        line: Math.min(...[...labels.values()].map(lineOf)),
        labels: Object.fromEntries([...labels].map(([label, { count }]) => [label, count])),
      }))
      .sort((left, right) => left.line - right.line)
      .slice(0, limits.conflicts),
    triggers: totals.size >= 2 && totals.size <= limits.labels ? findTriggers(labelled, totals) : [],
  };
}

/**
 * A word of a topic goes with its label because the whole text does. A trigger goes with it although the rest of the text
 * speaks for another one: the rest is judged by naive Bayes over the same records without the word.
 */
function findTriggers(records: readonly SampledRecord[], totals: ReadonlyMap<string, number>): TriggerHint[] {
  const labels = [...totals.keys()];
  const rows = records.map(({ text, labels: seen }) => ({
    words: [...new Set(text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}'_-]*|[^\s\p{L}\p{N}]{2,}/gu) ?? [])],
    label: labels.indexOf([...seen].sort((left, right) => right[1].count - left[1].count)[0]![0]),
  }));
  const perLabel = new Uint32Array(labels.length);
  const counts = new Map<string, Uint32Array>();
  for (const { words, label } of rows) {
    perLabel[label]! += 1;
    for (const word of words) {
      let count = counts.get(word);
      if (count === undefined) counts.set(word, (count = new Uint32Array(labels.length)));
      count[label]! += 1;
    }
  }
  const vocabulary = counts.size;
  const candidates: { token: string; label: number; records: number; purity: number }[] = [];
  for (const [token, count] of counts) {
    const sum = count.reduce((total, one) => total + one, 0);
    const label = count.indexOf(Math.max(...count));
    const purity = count[label]! / sum;
    if (sum < limits.fewest || purity < limits.purity || sum > rows.length / 4) continue;
    const share = perLabel[label]! / rows.length;
    // Chance that so many fall on one label by themselves, over all words (Bonferroni).
    if (share >= 0.99 || count[label]! * Math.log(share) + Math.log(vocabulary) > Math.log(1e-3)) continue;
    candidates.push({ token, label, records: sum, purity });
  }
  candidates.sort((left, right) => right.records - left.records);
  const wanted = new Map(
    candidates
      .slice(0, limits.candidates)
      .map((one) => [one.token, { ...one, contradicted: 0, judged: 0, together: new Map<string, number>() }]),
  );
  const carriers = rows
    .map(({ words, label }) => ({ words, label, carried: words.filter((word) => wanted.has(word)) }))
    .filter(({ carried }) => carried.length > 0);
  for (const { carried } of carriers)
    for (const token of carried) {
      const { together } = wanted.get(token)!;
      for (const other of carried) together.set(other, (together.get(other) ?? 0) + 1);
    }
  const logOf = (word: string, at: number, without: boolean): number =>
    Math.log((counts.get(word)![at]! - (without ? 1 : 0) + 0.5) / (perLabel[at]! + 1));
  for (const { words, label, carried } of carriers) {
    for (const token of carried) {
      const one = wanted.get(token)!;
      if (one.label !== label) continue;
      // Words that always come with this one are the rest of the same trigger: they would vouch for each other.
      const rest = words.filter((word) => {
        const other = wanted.get(word);
        if (other === undefined) return counts.get(word)!.some((count, at) => count > (at === label ? 1 : 0));
        return (one.together.get(word) ?? 0) < 0.8 * Math.max(one.records, other.records);
      });
      if (rest.length < 2) continue;
      const scores = labels.map((_, at) =>
        rest.reduce((sum, word) => sum + logOf(word, at, at === label), 0),
      );
      one.judged += 1;
      if (Math.max(...scores) > scores[label]! + limits.nats) one.contradicted += 1;
    }
  }
  return [...wanted.values()]
    .filter(
      ({ judged, contradicted }) => judged >= limits.fewest && contradicted / judged >= limits.contradicted,
    )
    .map(({ token, label, records: count, purity, contradicted, judged }) => ({
      token,
      label: labels[label]!,
      records: count,
      purity: Math.round(purity * 1000) / 1000,
      contradicted: Math.round((contradicted / judged) * 1000) / 1000,
    }))
    .sort((left, right) => right.contradicted * right.records - left.contradicted * left.records)
    .slice(0, limits.triggers);
}
