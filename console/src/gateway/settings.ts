import type { JsonSchema } from '../api/types.ts';

export interface SettingRow {
  name: string;
  type: string;
  value: string;
  /** Shown only when the binding differs from it. */
  standard: string;
  changed: boolean;
  description: string;
}

/** A setting as people read it: what holds now, what would hold without the binding, and what it means. */
export function settingRows(schema: JsonSchema, settings: Record<string, unknown>): SettingRow[] {
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const given = settings[name];
    const value = given === undefined ? property.default : given;
    return {
      name,
      type: typeText(property),
      value: valueText(value),
      standard: valueText(property.default),
      changed: given !== undefined && JSON.stringify(given) !== JSON.stringify(property.default),
      description: property.description ?? '',
    };
  });
}

function typeText(schema: JsonSchema): string {
  if (schema.enum) return schema.enum.map(valueText).join(' | ');
  if (schema.const !== undefined) return valueText(schema.const);
  if (schema.anyOf) return schema.anyOf.map(typeText).join(' | ');
  const type = Array.isArray(schema.type) ? schema.type.join(' | ') : (schema.type ?? 'any');
  if (type === 'array') return `list of ${schema.items ? typeText(schema.items) : 'anything'}`;
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  // zod writes the safe-integer bounds out; they tell the reader nothing.
  const bounds = [low, high].map((bound) =>
    bound !== undefined && Math.abs(bound) < 2 ** 53 - 1 ? bound : undefined,
  );
  if (bounds[0] === undefined && bounds[1] === undefined) return type;
  if (bounds[1] === undefined) return `${type}, at least ${bounds[0]}`;
  if (bounds[0] === undefined) return `${type}, at most ${bounds[1]}`;
  return `${type}, ${bounds[0]} to ${bounds[1]}`;
}

export function valueText(value: unknown): string {
  if (value === undefined) return 'not set';
  if (typeof value === 'string') return value === '' ? '""' : value;
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(valueText).join(', ');
  return JSON.stringify(value);
}

/** Arguments of a tool call exactly as written, only with white space where the JSON allows it. */
export function prettyArguments(raw: string): string {
  try {
    return JSON.stringify(JSON.parse(raw), null, 2);
  } catch {
    return raw;
  }
}
