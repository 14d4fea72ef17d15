export type FactValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly FactValue[]
  | { [name: string]: FactValue };

/** A declared or derived value as people read it. Nested values become `name: value` pairs. */
export function factText(value: FactValue): string {
  if (value === null || value === undefined) return 'not said';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return value.replaceAll('_', ' ');
  if (Array.isArray(value))
    return value.length === 0 ? 'none' : value.map((one) => factText(one as FactValue)).join(', ');
  const pairs = Object.entries(value).map(
    ([name, inner]) => `${name.replaceAll('_', ' ')}: ${factText(inner)}`,
  );
  return pairs.length === 0 ? 'none' : pairs.join('; ');
}
