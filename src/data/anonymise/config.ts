import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import type { Goals } from './goals.ts';

const Role = z
  .enum(['identifier', 'quasi-identifier', 'sensitive', 'insensitive'])
  .describe('What a column tells of a person.');

const HierarchySource = z
  .union([
    z
      .string()
      .describe('CSV file: one row per value, from the value to the coarsest label. Relative to this file.'),
    z
      .strictObject({ intervals: z.array(z.number().positive()).min(1).max(20) })
      .describe('Widths of intervals.'),
    z
      .strictObject({ mask: z.literal(true) })
      .describe('Hides one more character from the right at each level.'),
    z
      .strictObject({ levels: z.array(z.array(z.string()).min(1)).min(1) })
      .describe('The rows of such a file.'),
  ])
  .describe('How values become coarser; without one, a value is kept or hidden.');

const Column = z.strictObject({
  role: Role,
  do: z
    .enum(['remove', 'pseudonym', 'mask', 'redact', 'keep'])
    .optional()
    .describe('Identifiers are removed unless something else is said; other roles are kept.'),
  hierarchy: HierarchySource.optional(),
  domain: z
    .string()
    .optional()
    .describe('Columns with the same domain get the same pseudonyms; the name by default.'),
  show: z.number().int().min(0).default(4).describe('Characters that a mask leaves at the end.'),
});

/** The file that `merlon dataset anonymize` reads. */
export const AnonymiseConfig = z.strictObject({
  columns: z
    .record(z.string(), z.union([Role.transform((role) => Column.parse({ role })), Column]))
    .describe('Every column of the table needs a role.'),
  method: z.enum(['full-domain', 'mondrian']).default('mondrian'),
  k: z.number().int().min(1).default(5).describe('Least rows that look alike.'),
  l: z
    .union([
      z
        .number()
        .int()
        .min(1)
        .transform((l) => ({ kind: 'distinct' as const, l })),
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('distinct'), l: z.number().int().min(1) }),
        z.strictObject({ kind: z.literal('entropy'), l: z.number().min(1) }),
        z.strictObject({
          kind: z.literal('recursive'),
          l: z.number().int().min(2),
          c: z.number().positive(),
        }),
      ]),
    ])
    .optional()
    .describe('Diversity of the sensitive values in each class.'),
  t: z
    .union([
      z
        .number()
        .min(0)
        .max(1)
        .transform((t) => ({ t, distance: 'equal' as const })),
      z.strictObject({
        t: z.number().min(0).max(1),
        distance: z.enum(['equal', 'ordered']).default('equal'),
      }),
    ])
    .optional()
    .describe('How far the sensitive values of a class may be from those of the table.'),
  suppression: z.number().min(0).max(1).default(0.05).describe('Share of rows that may be taken out.'),
  optimize: z
    .enum(['loss', 'rank', 'discernibility', 'utility'])
    .default('loss')
    .describe(
      'What decides between results that meet the goals; `utility` trains on them and needs a label.',
    ),
  label: z.string().optional().describe('Column that a model is to predict; gives the report a task.'),
  purpose: z.string().min(1).default('anonymise').describe('Scope of the key of the pseudonyms.'),
  seed: z.number().int().min(0).default(1).describe('Split of the report into training and test rows.'),
});
export type AnonymiseConfig = z.infer<typeof AnonymiseConfig>;

/** @throws Problem CONFIG_INVALID that names the key */
export function parseConfig(value: unknown, file: string): AnonymiseConfig {
  const parsed = AnonymiseConfig.safeParse(value);
  const issue = parsed.error?.issues[0];
  if (!parsed.success)
    throw new Problem('CONFIG_INVALID', {
      detail: `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'invalid'}`,
      fix: 'See docs/guides/anonymisation.md for every key.',
      facts: { file, pointer: `/${issue?.path.join('/') ?? ''}` },
    });
  const config = parsed.data;
  const wrong = (detail: string, fix: string): Problem =>
    new Problem('CONFIG_INVALID', { detail, fix, facts: { file } });
  const roles = Object.values(config.columns).map(({ role }) => role);
  if ((config.l || config.t) && !roles.includes('sensitive'))
    throw wrong(
      'l and t speak of sensitive values, but no column is sensitive',
      'Give a column `role: sensitive`.',
    );
  if (config.optimize === 'utility' && config.label === undefined)
    throw wrong('`optimize: utility` needs a `label`', 'Name the column that a model is to predict.');
  for (const [name, { role, do: treatment }] of Object.entries(config.columns)) {
    if (role === 'identifier' && treatment === 'keep')
      throw wrong(`the identifier \`${name}\` cannot be kept`, 'Use remove, pseudonym, mask or redact.');
    if (role === 'quasi-identifier' && treatment !== undefined && treatment !== 'keep')
      throw wrong(`the quasi-identifier \`${name}\` is generalised`, 'Leave `do` out, or change its role.');
  }
  return config;
}

export const goalsOf = ({ k, l, t }: AnonymiseConfig): Goals => ({ k, ...(l && { l }), ...(t && { t }) });
