/** Reads one value of the URL's search part; what is not understood is dropped, never an error. */
export function text(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function oneOf<const T extends string>(options: readonly T[], value: unknown): T | undefined {
  return options.find((option) => option === value);
}

/** A reader of a route's search part. Every part of it may be missing, so that links name only what they mean. */
export function reading<T extends Record<string, unknown>>(
  read: (given: Record<string, unknown>) => T,
): (given: Record<string, unknown>) => Partial<T> {
  return read;
}
