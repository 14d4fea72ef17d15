import type { Catalogue, Resolved } from './catalogue.ts';
import { outOfReach } from './applicability.ts';

/** What is counted of one edition. */
export interface EditionCoverage {
  catalogue: string;
  edition: string;
  title: string;
  /** Entries a rule could answer. */
  countable: number;
  covered: number;
  /** 0..1; 1 when there is nothing to cover. */
  share: number;
  /** References without a rule. */
  missing: { reference: string; title: string }[];
  /** Rules by reference. */
  rules: Record<string, string[]>;
}

/** Kinds of entries that name something that can go wrong; tactics, mitigations, clauses and case studies do not. */
const answerable: ReadonlySet<string> = new Set(['technique', 'risk', 'threat', 'weakness']);

/** Counts which entries of the editions that the rules cite are answered by at least one rule. Cited out-of-reach entries count too. */
export function coverage(
  rules: readonly { id: string; refs: readonly (string | { reference: string })[] }[],
  catalogue: Catalogue,
): EditionCoverage[] {
  const citing = new Map<string, string[]>();
  for (const { id, refs } of rules) {
    for (const ref of refs) {
      const reference = typeof ref === 'string' ? ref : ref.reference;
      citing.set(reference, [...(citing.get(reference) ?? []), id]);
    }
  }

  return catalogue
    .list()
    .map(({ catalogue: name, edition, title }): EditionCoverage => {
      const idle = new Set(
        name === 'atlas' ? outOfReach(catalogue, edition).map(({ reference }) => reference) : [],
      );
      const countable = catalogue
        .entries(name, edition)
        .filter(
          ({ kind, reference }) => answerable.has(kind) && (!idle.has(reference) || citing.has(reference)),
        );
      const missing = countable.filter(({ reference }) => !citing.has(reference));
      return {
        catalogue: name,
        edition,
        title,
        countable: countable.length,
        covered: countable.length - missing.length,
        share: countable.length === 0 ? 1 : (countable.length - missing.length) / countable.length,
        missing: missing.map(({ reference, title }: Resolved) => ({ reference, title })),
        rules: Object.fromEntries(
          countable.flatMap(({ reference }): [string, string[]][] => {
            const ids = citing.get(reference);
            return ids ? [[reference, ids]] : [];
          }),
        ),
      };
    })
    .filter(({ covered, countable }) => covered > 0 && countable > 0);
}
