import { Problem } from '../kernel/problem.ts';
import type { Catalogue, Resolved } from './catalogue.ts';

export interface EditionDiff {
  from: string;
  to: string;
  added: { id: string; title: string }[];
  removed: { id: string; title: string }[];
  /** Same thing under another id, by the publisher's list or by its unchanged title. */
  moved: { from: string; to: string; title: string }[];
  /** Same id, other title. */
  renamed: { id: string; from: string; to: string }[];
}

/**
 * What changed between two loaded editions of one catalogue, written `owasp-llm:2025`.
 * @throws Problem NOT_FOUND when one is not loaded, INPUT_INVALID when they belong to two catalogues
 */
export function diffEditions(catalogue: Catalogue, from: string, to: string): EditionDiff {
  const [before, after] = [entriesOf(catalogue, from), entriesOf(catalogue, to)];
  if (from.split(':')[0] !== to.split(':')[0]) {
    throw new Problem('INPUT_INVALID', {
      detail: `\`${from}\` and \`${to}\` are not editions of one catalogue`,
      fix: 'Compare two editions of the same catalogue, as in `merlon catalogue diff owasp-llm:2025 owasp-llm:2026`.',
    });
  }
  const edition = to.slice(to.indexOf(':') + 1);
  const newById = new Map(after.map((entry) => [entry.id, entry]));
  const reached = new Set<string>();
  const diff: EditionDiff = { from, to, added: [], removed: [], moved: [], renamed: [] };
  for (const old of before) {
    const next = successor(catalogue, old, edition, newById, after);
    if (!next) {
      diff.removed.push({ id: old.id, title: old.title });
      continue;
    }
    reached.add(next.id);
    if (next.id !== old.id) diff.moved.push({ from: old.id, to: next.id, title: next.title });
    else if (next.title !== old.title) diff.renamed.push({ id: old.id, from: old.title, to: next.title });
  }
  diff.added = after.filter(({ id }) => !reached.has(id)).map(({ id, title }) => ({ id, title }));
  return diff;
}

function successor(
  catalogue: Catalogue,
  old: Resolved,
  edition: string,
  newById: ReadonlyMap<string, Resolved>,
  after: readonly Resolved[],
): Resolved | undefined {
  const listed = catalogue.migrate(old.reference, edition);
  if (listed) return newById.get(listed.to.slice(listed.to.indexOf('/') + 1));
  return newById.get(old.id) ?? after.find(({ title, kind }) => title === old.title && kind === old.kind);
}

/** @throws Problem NOT_FOUND naming the editions that there are */
export function entriesOf(catalogue: Catalogue, name: string): Resolved[] {
  const [id = '', edition = ''] = name.split(':');
  const entries = catalogue.entries(id, edition);
  if (entries.length > 0) return entries;
  const editions = catalogue.list().filter((one) => one.catalogue === id);
  throw new Problem('NOT_FOUND', {
    detail: `there is no edition \`${name}\``,
    fix:
      editions.length > 0
        ? `Known: ${editions.map(({ edition }) => `\`${id}:${edition}\``).join(', ')}.`
        : 'See `merlon catalogue list`.',
  });
}
