import { Problem } from '../kernel/problem.ts';
import { parseReference, type Reference } from '../kernel/reference.ts';
import { parseEdition, type EditionData, type Entry } from './edition.ts';
import { nearest } from './nearest.ts';

/** An entry together with its full reference. */
export interface Resolved extends Entry {
  reference: Reference;
  catalogue: string;
  edition: string;
}

/** What `list` tells of one edition. */
export interface EditionSummary {
  catalogue: string;
  edition: string;
  title: string;
  publisher: string;
  licence: string;
  holds: string;
  url: string;
  published?: string;
  entries: number;
  /** The newest edition of its catalogue that is loaded. */
  newest: boolean;
}

export interface Migration {
  from: Reference;
  to: Reference;
  /** False when the publisher's own list was not at hand, so that the id may have moved unseen. */
  certain: boolean;
}

/** Outside catalogues, by edition. Every outside id carries the edition it was read in. */
export interface Catalogue {
  /** The entry, or undefined when the text is no reference or nothing has that id. */
  resolve(reference: string): Resolved | undefined;
  has(reference: string): boolean;
  /** @throws Problem REFERENCE_INVALID with the nearest ids, or with every meaning of an id without its edition */
  require(reference: string): Resolved;
  /** Every edition, by catalogue and then by age. */
  list(): EditionSummary[];
  /** Entries of one edition in the publisher's order; empty when it is not loaded. */
  entries(catalogue: string, edition: string): Resolved[];
  /** Every reference that an id without catalogue and edition may mean. */
  meanings(id: string): Resolved[];
  /** Where an id went in another loaded or named edition; undefined when no path between the two is known. */
  migrate(reference: string, toEdition: string): Migration | undefined;
}

/** @throws Problem REFERENCE_INVALID when a file is not a catalogue or an edition comes twice */
export function loadCatalogue(files: readonly { file: string; data: unknown }[]): Catalogue {
  const editions = new Map<string, { data: EditionData; byId: Map<string, Resolved> }>();
  for (const { file, data } of files) {
    const parsed = parseEdition(data, file);
    const name = `${parsed.catalogue}:${parsed.edition}`;
    if (editions.has(name)) {
      throw new Problem('REFERENCE_INVALID', {
        detail: `\`${file}\` holds \`${name}\`, which another file holds too`,
        fix: 'Keep one file per edition.',
        facts: { file },
      });
    }
    const { catalogue, edition } = parsed;
    const byId = new Map(
      parsed.entries.map((entry): [string, Resolved] => [
        entry.id,
        { ...entry, reference: `${catalogue}:${edition}/${entry.id}`, catalogue, edition },
      ]),
    );
    editions.set(name, { data: parsed, byId });
  }
  const inOrder = [...editions.values()].sort(
    ({ data: a }, { data: b }) =>
      a.catalogue.localeCompare(b.catalogue) || byAge(a.published ?? a.edition, b.published ?? b.edition),
  );

  const find = (text: string): Resolved | undefined => {
    const reference = shapeOf(text);
    return reference && editions.get(`${reference.catalogue}:${reference.edition}`)?.byId.get(reference.id);
  };

  const meanings = (id: string): Resolved[] =>
    inOrder.flatMap(({ byId }) => {
      const entry = byId.get(id);
      return entry ? [entry] : [];
    });

  const editionsOf = (catalogue: string): EditionData[] =>
    inOrder.filter(({ data }) => data.catalogue === catalogue).map(({ data }) => data);

  return {
    resolve: find,
    has: (reference) => find(reference) !== undefined,
    require: (reference) => find(reference) ?? refuse(reference),
    list: () => inOrder.map(({ data }) => summary(data, editionsOf(data.catalogue).at(-1) === data)),
    entries: (catalogue, edition) => [...(editions.get(`${catalogue}:${edition}`)?.byId.values() ?? [])],
    meanings,
    migrate,
  };

  function refuse(text: string): never {
    const reference = shapeOf(text);
    if (!reference) return refuseBare(text);
    const { catalogue, edition, id } = reference;
    const known = editionsOf(catalogue);
    if (known.length === 0) {
      const names = [...new Set(inOrder.map(({ data }) => data.catalogue))];
      throw invalid(text, `there is no catalogue \`${catalogue}\``, nearest(catalogue, names), names);
    }
    const chosen = editions.get(`${catalogue}:${edition}`);
    if (!chosen) {
      const names = known.map((one) => one.edition);
      throw invalid(text, `\`${catalogue}\` has no edition \`${edition}\` here`, names, names);
    }
    const ids = [...chosen.byId.keys()];
    throw invalid(
      text,
      `${chosen.data.title} ${edition} has no \`${id}\``,
      nearest(id, ids).map((one) => `${catalogue}:${edition}/${one}`),
      [],
    );
  }

  function refuseBare(text: string): never {
    // OWASP prints its ids with the year behind: `LLM03:2025`.
    const [, id = text, year] = /^([A-Za-z0-9.]+):([0-9]{4})$/.exec(text) ?? [];
    const found = meanings(id).filter(({ edition }) => year === undefined || edition === year);
    if (found.length === 0) {
      const ids = [...new Set(inOrder.flatMap(({ byId }) => [...byId.keys()]))];
      throw invalid(
        text,
        `\`${text}\` is not a catalogue reference`,
        nearest(id, ids).flatMap((one) => meanings(one).map(({ reference }) => reference)),
        [],
      );
    }
    throw new Problem('REFERENCE_INVALID', {
      detail:
        found.length === 1
          ? `\`${text}\` lacks its catalogue and edition`
          : `\`${text}\` has ${found.length} meanings: ${found.map(meaning).join('; ')}`,
      fix: `Write ${found.map(({ reference }) => `\`${reference}\``).join(' or ')}.`,
      facts: { reference: text, meanings: found.map(({ reference }) => reference) },
    });
  }

  function migrate(text: string, toEdition: string): Migration | undefined {
    const from = find(text);
    if (!from) return undefined;
    if (from.edition === toEdition) return { from: from.reference, to: from.reference, certain: true };
    const step = editions
      .get(`${from.catalogue}:${from.edition}`)
      ?.data.migrations.find(({ to }) => to === toEdition);
    if (step) return moved(from, toEdition, step.map[from.id] ?? from.id, step.complete);
    const back = editions
      .get(`${from.catalogue}:${toEdition}`)
      ?.data.migrations.find(({ to }) => to === from.edition);
    if (!back) return undefined;
    const origin = Object.entries(back.map).find(([, id]) => id === from.id)?.[0] ?? from.id;
    return moved(from, toEdition, origin, back.complete);
  }
}

function summary(data: EditionData, newest: boolean): EditionSummary {
  const { catalogue, edition, title, publisher, licence, holds, url, published, entries } = data;
  return {
    catalogue,
    edition,
    title,
    publisher,
    licence,
    holds,
    url,
    published,
    entries: entries.length,
    newest,
  };
}

function moved(from: Resolved, edition: string, id: string, certain: boolean): Migration {
  return { from: from.reference, to: `${from.catalogue}:${edition}/${id}`, certain };
}

function meaning({ reference, title }: Resolved): string {
  return `\`${reference}\` ${title}`;
}

function shapeOf(text: string): { catalogue: string; edition: string; id: string } | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** Dates and version numbers: numbers inside compare as numbers. */
function byAge(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function invalid(
  text: string,
  detail: string,
  suggestions: readonly string[],
  known: readonly string[],
): Problem {
  const fix =
    suggestions.length > 0
      ? `Did you mean ${suggestions.map((one) => `\`${one}\``).join(' or ')}?`
      : known.length > 0
        ? `Known: ${known.map((one) => `\`${one}\``).join(', ')}.`
        : 'See `merlon catalogue list`, and write catalogue, edition and id as in `owasp-llm:2026/LLM01`.';
  return new Problem('REFERENCE_INVALID', { detail, fix, facts: { reference: text, suggestions } });
}
