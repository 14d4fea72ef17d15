import { createHash } from 'node:crypto';
import { Problem } from './problem.ts';

/** Canonical JSON (RFC 8785): sorted keys by UTF-16 code units, ES number and string serialisation. Undefined members are left out. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') {
    if (!Number.isFinite(value))
      throw new Problem('INTERNAL', { detail: 'a number that is not finite has no canonical JSON' });
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (typeof value === 'object') {
    const record = value as Record<string, unknown>;
    const members = Object.keys(record)
      .filter((key) => record[key] !== undefined)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonicalJson(record[key])}`);
    return `{${members.join(',')}}`;
  }
  throw new Problem('INTERNAL', { detail: `a ${typeof value} has no canonical JSON` });
}

/** `sha256:` and the lower-case hex digest of the canonical JSON. */
export function contentHash(value: unknown): string {
  return `sha256:${createHash('sha256').update(canonicalJson(value)).digest('hex')}`;
}
