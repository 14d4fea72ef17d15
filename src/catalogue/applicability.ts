import type { Catalogue, Resolved } from './catalogue.ts';

/** Techniques of an ATLAS edition that can be aimed at a system one defends; unclassified ones count, so that none is forgotten. */
export function targetable(catalogue: Catalogue, edition: string): Resolved[] {
  return techniques(catalogue, edition).filter(
    ({ applicability }) => applicability === undefined || applicability === 'targetable',
  );
}

/** Techniques that no rule needs to answer: what attackers do on their own ground, and physical access. */
export function outOfReach(catalogue: Catalogue, edition: string): Resolved[] {
  return techniques(catalogue, edition).filter(
    ({ applicability }) => applicability !== undefined && applicability !== 'targetable',
  );
}

function techniques(catalogue: Catalogue, edition: string): Resolved[] {
  return catalogue.entries('atlas', edition).filter(({ kind }) => kind === 'technique');
}
