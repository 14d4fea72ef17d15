import type { Level, Threat } from '../api/types.ts';
import { referenceParts, strideWord } from '../ui/words.ts';

export interface Filter {
  q?: string | undefined;
  level?: Level | undefined;
  status?: string | undefined;
}

/** Every word of `q` must occur somewhere in what the row says. */
export function matching(threats: readonly Threat[], { q, level, status }: Filter): Threat[] {
  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  return threats.filter((threat) => {
    if (level !== undefined && threat.level !== level) return false;
    if (status !== undefined && threat.status !== status) return false;
    if (words.length === 0) return true;
    const text = [
      threat.key,
      threat.title,
      threat.element,
      threat.summary,
      ...threat.refs,
      ...threat.controls,
    ]
      .join(' ')
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export const groupings = ['element', 'stride', 'catalogue'] as const;
export type GroupBy = (typeof groupings)[number];

/** Groups in order of their name. A threat with two STRIDE letters or catalogues stands in both groups. */
export function grouped(threats: readonly Threat[], by: GroupBy): { name: string; threats: Threat[] }[] {
  const groups = new Map<string, Threat[]>();
  for (const threat of threats) {
    for (const name of groupNames(threat, by)) {
      const members = groups.get(name);
      if (members) members.push(threat);
      else groups.set(name, [threat]);
    }
  }
  return [...groups]
    .map(([name, members]) => ({ name, threats: members }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

function groupNames(threat: Threat, by: GroupBy): Set<string> {
  switch (by) {
    case 'element':
      return new Set([threat.element]);
    case 'stride':
      return new Set(threat.stride.length === 0 ? ['No STRIDE letter'] : threat.stride.map(strideWord));
    default: {
      const names = threat.refs.map((reference) => {
        const { catalogue, edition } = referenceParts(reference);
        return `${catalogue} ${edition}`;
      });
      return new Set(names.length === 0 ? ['No catalogue'] : names);
    }
  }
}

/** `likelihood.desc` in the URL; anything else is the default order. */
export function sortOf(text: string | undefined): { id: string; desc: boolean } {
  const [id, direction] = (text ?? '').split('.');
  return id ? { id, desc: direction !== 'asc' } : { id: 'residual', desc: true };
}
