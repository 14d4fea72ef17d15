import { z } from 'zod';
import { defineCommand, type Command, type Io } from '../kernel/command.ts';
import type { Catalogue, EditionSummary, Resolved } from './catalogue.ts';

export interface CatalogueDeps {
  /** The embedded editions; read when a command needs them. */
  catalogue: () => Promise<Catalogue>;
}

/** `merlon catalogue list | show | diff`. */
export function commands({ catalogue }: CatalogueDeps): Command[] {
  return [
    defineCommand({
      name: 'catalogue list',
      summary: 'List the embedded catalogues, or the entries of one edition',
      arguments: [{ name: 'edition', description: 'An edition, as in `atlas:5.6.0`.', optional: true }],
      options: z.object({
        kind: z.string().optional().describe('Only entries of this kind, such as `technique`.'),
      }),
      examples: ['merlon catalogue list', 'merlon catalogue list atlas:5.6.0 --kind mitigation'],
      async run({ args, options }, io) {
        const loaded = await catalogue();
        if (args['edition'] === undefined) return listEditions(loaded.list(), io);
        const { entriesOf } = await import('./diff.ts');
        const entries = entriesOf(loaded, args['edition']).filter(
          ({ kind }) => options.kind === undefined || kind === options.kind,
        );
        if (io.json) io.out(JSON.stringify(entries));
        else
          for (const { id, kind, title } of entries) io.out(`${id.padEnd(16)}  ${kind.padEnd(10)}  ${title}`);
        return 0;
      },
    }),
    defineCommand({
      name: 'catalogue show',
      summary: 'Show one entry of a catalogue',
      arguments: [
        {
          name: 'reference',
          description: 'Such as `owasp-llm:2026/LLM01`; an id alone when it has one meaning.',
        },
      ],
      examples: ['merlon catalogue show atlas:5.6.0/AML.T0051.001'],
      async run({ args }, io) {
        const loaded = await catalogue();
        const asked = args['reference'] ?? '';
        const meanings = loaded.meanings(asked);
        const entry = meanings.length === 1 ? meanings[0]! : loaded.require(asked);
        const newest = loaded.list().findLast(({ catalogue }) => catalogue === entry.catalogue)?.edition;
        const now = newest === undefined ? undefined : loaded.migrate(entry.reference, newest);
        const successor = now && now.to !== entry.reference ? loaded.resolve(now.to) : undefined;
        if (io.json)
          io.out(JSON.stringify({ ...entry, ...(successor ? { successor: successor.reference } : {}) }));
        else showEntry(entry, successor, loaded, io);
        return 0;
      },
    }),
    defineCommand({
      name: 'catalogue diff',
      summary: 'Show what changed between two editions of a catalogue',
      arguments: [
        { name: 'old', description: 'An edition, as in `owasp-llm:2025`.' },
        { name: 'new', description: 'Another edition of the same catalogue.' },
      ],
      examples: ['merlon catalogue diff owasp-llm:2025 owasp-llm:2026'],
      async run({ args }, io) {
        const { diffEditions } = await import('./diff.ts');
        const diff = diffEditions(await catalogue(), args['old'] ?? '', args['new'] ?? '');
        if (io.json) {
          io.out(JSON.stringify(diff));
          return 0;
        }
        for (const { from, to, title } of diff.moved) io.out(`moved    ${from} → ${to}  ${title}`);
        for (const { id, from, to } of diff.renamed) io.out(`renamed  ${id}  ${from} → ${to}`);
        for (const { id, title } of diff.removed) io.out(`removed  ${id}  ${title}`);
        for (const { id, title } of diff.added) io.out(`added    ${id}  ${title}`);
        const total = diff.moved.length + diff.renamed.length + diff.removed.length + diff.added.length;
        if (total === 0) io.out('nothing changed');
        return 0;
      },
    }),
  ];
}

function listEditions(editions: readonly EditionSummary[], io: Io): 0 {
  if (io.json) {
    io.out(JSON.stringify(editions));
    return 0;
  }
  for (const { catalogue, edition, entries, title, licence } of editions)
    io.out(`${`${catalogue}:${edition}`.padEnd(30)}  ${String(entries).padStart(4)}  ${title} (${licence})`);
  return 0;
}

function showEntry(entry: Resolved, successor: Resolved | undefined, catalogue: Catalogue, io: Io): void {
  io.out(`${entry.reference}  ${entry.title}`);
  if (entry.text) io.out(`\n${entry.text}\n`);
  const titleOf = (id: string) => {
    const title = catalogue.resolve(`${entry.catalogue}:${entry.edition}/${id}`)?.title;
    return title === undefined ? id : `${id} ${title}`;
  };
  const rows: [string, string | undefined][] = [
    ['kind', entry.kind],
    ['part of', entry.parent && titleOf(entry.parent)],
    ['maturity', entry.maturity],
    ['reach', entry.applicability],
    ['date', entry.date],
    ['tactics', entry.tactics?.map(titleOf).join(', ')],
    ['techniques', entry.techniques?.map(titleOf).join(', ')],
    ['related', entry.related?.map(titleOf).join(', ')],
    ['now', successor && `${successor.reference} ${successor.title}`],
    ['see', entry.url],
  ];
  for (const [label, value] of rows) if (value) io.out(`${label.padEnd(10)}  ${value}`);
}
