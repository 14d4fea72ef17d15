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

/** Settings as people read them: what holds now, what would hold without the binding, what it means. Groups become `group.name`. */
export function settingRows(schema: JsonSchema, settings: Record<string, unknown>, group = ''): SettingRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]): SettingRow[] => {
    const name = `${group}${key}`;
    const given = settings[key];
    if (property.properties) {
      return settingRows(withDefaults(property), isRecord(given) ? given : {}, `${name}.`);
    }
    const value = given === undefined ? property.default : given;
    return [
      {
        name,
        type: typeText(property),
        value: valueText(value),
        standard: valueText(property.default),
        changed: given !== undefined && JSON.stringify(given) !== JSON.stringify(property.default),
        description: property.description ?? '',
      },
    ];
  });
}

/** A group may state its defaults as a whole; its members then inherit them. */
function withDefaults(group: JsonSchema): JsonSchema {
  const whole = isRecord(group.default) ? group.default : {};
  const members = Object.entries(group.properties ?? {}).map(([key, property]) => [
    key,
    { ...property, default: property.default ?? whole[key] },
  ]);
  return { ...group, properties: Object.fromEntries(members) as Record<string, JsonSchema> };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
