import { z } from 'zod';
import { Problem } from '../kernel/problem.ts';
import type { Applicability, EditionData, Entry } from './edition.ts';

/**
 * Reads MITRE ATLAS data, both lines of it: format 5 (`matrices:` with lists, frozen at 5.6.0) and format 6
 * (`collection:` with maps keyed by id and every link under `relationships:`, released by month as 2026.08).
 * Fields that we do not use may change; a missing id or name is refused.
 */
export function readAtlas(
  data: unknown,
  {
    source,
    published: given,
    applicability = {},
    migrations = [],
  }: {
    source: string;
    /** Day of release; format 6 says it itself. */
    published?: string;
    applicability?: Record<string, Applicability>;
    migrations?: EditionData['migrations'];
  },
): EditionData {
  const {
    edition,
    published = given,
    entries,
  } = typeof data === 'object' && data !== null && 'relationships' in data ? readSix(data) : readFive(data);
  return {
    schema: 'merlon-catalogue/v1',
    catalogue: 'atlas',
    edition,
    title: 'MITRE ATLAS',
    publisher: 'The MITRE Corporation',
    licence: 'Apache-2.0',
    holds: 'ids, names, first paragraph, tactics, maturity, techniques of mitigations and case studies',
    url: 'https://atlas.mitre.org',
    source,
    ...(published === undefined ? {} : { published }),
    entries: entries.map((entry) => {
      const reach = entry.kind === 'technique' ? applicability[entry.id] : undefined;
      return reach === undefined ? entry : { ...entry, applicability: reach };
    }),
    migrations,
  };
}

const Maturity = z.enum(['realized', 'demonstrated', 'feasible']).optional().catch(undefined);
/** YAML may have read a day as a Date. */
const Day = z.union([z.date().transform((date) => date.toISOString().slice(0, 10)), z.string()]).optional();

const Five = z.object({
  version: z.string(),
  matrices: z
    .array(
      z.object({
        tactics: z.array(z.object({ id: z.string(), name: z.string(), description: z.string().optional() })),
        techniques: z.array(
          z.object({
            id: z.string(),
            name: z.string(),
            description: z.string().optional(),
            tactics: z.array(z.string()).optional(),
            'subtechnique-of': z.string().optional(),
            maturity: Maturity,
          }),
        ),
        mitigations: z.array(
          z.object({
            id: z.string(),
            name: z.string(),
            description: z.string().optional(),
            techniques: z.array(z.object({ id: z.string() })).optional(),
          }),
        ),
      }),
    )
    .min(1),
  'case-studies': z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      'incident-date': Day,
      'incident-date-granularity': z.string().optional(),
      'case-study-type': z.string().optional(),
      procedure: z.array(z.object({ technique: z.string() })).optional(),
    }),
  ),
});

function readFive(data: unknown): { edition: string; published?: string; entries: Entry[] } {
  const five = parse(Five, data);
  const { tactics, techniques, mitigations } = five.matrices[0]!;
  const parents = new Map(techniques.map((technique) => [technique.id, technique]));
  return {
    edition: five.version,
    entries: [
      ...tactics.map(({ id, name, description }) => entry('tactic', id, name, { text: lead(description) })),
      ...techniques.map((technique) => {
        const parent = technique['subtechnique-of'];
        return entry('technique', technique.id, titleOf(technique.name, parents.get(parent ?? '')?.name), {
          parent,
          text: lead(technique.description),
          maturity: technique.maturity,
          // Sub-techniques inherit the tactics of their technique.
          tactics: technique.tactics ?? parents.get(parent ?? '')?.tactics,
        });
      }),
      ...mitigations.map(({ id, name, description, techniques }) =>
        entry('mitigation', id, name, {
          text: lead(description),
          techniques: techniques?.map(({ id }) => id),
        }),
      ),
      ...five['case-studies'].map((study) =>
        entry('case_study', study.id, study.name, {
          date: dayOf(study['incident-date'], study['incident-date-granularity']),
          exercise:
            study['case-study-type'] === undefined ? undefined : study['case-study-type'] === 'exercise',
          techniques: unique(study.procedure?.map(({ technique }) => technique)),
        }),
      ),
    ],
  };
}

const Item = z.object({ id: z.string().optional(), name: z.string(), description: z.string().optional() });
const Link = z.object({ target: z.string(), position: z.number().optional() });
const Links = z.object({
  achieves: z.array(Link).optional(),
  specializes: z.array(Link).optional(),
  mitigates: z.array(Link).optional(),
  employs: z.array(Link).optional(),
});

const Six = z.object({
  collection: z.object({ version: z.coerce.string(), 'modified-date': Day }),
  tactics: z.record(z.string(), Item),
  techniques: z.record(
    z.string(),
    Item.extend({ platforms: z.array(z.string()).optional(), maturity: Maturity }),
  ),
  mitigations: z.record(z.string(), Item),
  'case-studies': z.record(
    z.string(),
    Item.extend({
      'incident-date': Day,
      'incident-date-granularity': z.string().optional(),
      'case-study-type': z.string().optional(),
    }),
  ),
  relationships: z.record(z.string(), z.unknown()),
});

function readSix(data: unknown): { edition: string; published?: string; entries: Entry[] } {
  const six = parse(Six, data);
  const links = (id: string, kind: keyof z.infer<typeof Links>): string[] | undefined =>
    unique(Links.safeParse(six.relationships[id]).data?.[kind]?.map(({ target }) => target));
  return {
    edition: six.collection.version,
    published: six.collection['modified-date'],
    entries: [
      ...Object.entries(six.tactics).map(([id, { name, description }]) =>
        entry('tactic', id, name, { text: lead(description) }),
      ),
      ...Object.entries(six.techniques).map(([id, { name, description, platforms, maturity }]) => {
        const parent = links(id, 'specializes')?.[0];
        return entry('technique', id, titleOf(name, six.techniques[parent ?? '']?.name), {
          parent,
          text: lead(description),
          maturity,
          tactics: links(id, 'achieves') ?? links(parent ?? '', 'achieves'),
          platforms,
        });
      }),
      ...Object.entries(six.mitigations).map(([id, { name, description }]) =>
        entry('mitigation', id, name, { text: lead(description), techniques: links(id, 'mitigates') }),
      ),
      ...Object.entries(six['case-studies']).map(([id, study]) =>
        entry('case_study', id, study.name, {
          date: dayOf(study['incident-date'], study['incident-date-granularity']),
          exercise:
            study['case-study-type'] === undefined ? undefined : study['case-study-type'] === 'exercise',
          techniques: links(id, 'employs'),
        }),
      ),
    ],
  };
}

function parse<T>(schema: z.ZodType<T>, data: unknown): T {
  const parsed = schema.safeParse(data);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Problem('INPUT_INVALID', {
    detail: `not ATLAS data of format 5 or 6: \`${issue?.path.join('.') || 'the file'}\` ${issue?.message ?? 'is invalid'}`,
    fix: 'Use ATLAS.yaml 5.x, or dist/v6/ATLAS-YYYY.MM.yaml of the same repository.',
    facts: { pointer: `/${issue?.path.join('/') ?? ''}` },
  });
}

function entry(kind: Entry['kind'], id: string, title: string, rest: Partial<Entry>): Entry {
  const known = Object.entries(rest).filter(([, value]) => value !== undefined && value !== '');
  return {
    id,
    title,
    kind,
    url: `https://atlas.mitre.org/${pages[kind] ?? ''}/${id}`,
    ...Object.fromEntries(known),
  };
}

const pages: Partial<Record<Entry['kind'], string>> = {
  tactic: 'tactics',
  technique: 'techniques',
  mitigation: 'mitigations',
  case_study: 'studies',
};

/** `Direct` alone says nothing in a table; ATLAS itself prints the technique in front. */
function titleOf(name: string, parent: string | undefined): string {
  return parent === undefined ? name : `${parent}: ${name}`;
}

/** First paragraph as one line, links reduced to their text. */
function lead(text: string | undefined): string | undefined {
  return text
    ?.split(/\n\s*\n/, 1)[0]
    ?.replace(/\[([^[\]]*)\]\([^()]*\)/g, '$1')
    .replace(/\s+/g, ' ')
    .trim();
}

function dayOf(day: string | undefined, granularity: string | undefined): string | undefined {
  if (granularity === 'YEAR') return day?.slice(0, 4);
  return granularity === 'MONTH' ? day?.slice(0, 7) : day;
}

function unique(ids: readonly string[] | undefined): string[] | undefined {
  return ids && ids.length > 0 ? [...new Set(ids)] : undefined;
}
