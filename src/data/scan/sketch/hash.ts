/** Of a longer text only the beginning, the middle and the end are read. */
const unitsRead = 192;

/** 32-bit FNV-1a over UTF-16 units with a final mix (MurmurHash3 fmix32). Not for anything that an opponent may choose against. */
export function hash32(text: string, seed = 0): number {
  const { length } = text;
  if (length > unitsRead) {
    const third = unitsRead / 3;
    const middle = (length - third) >> 1;
    return hash32(
      text.slice(0, third) + text.slice(middle, middle + third) + text.slice(-third),
      seed ^ length,
    );
  }
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return mix(hash);
}

/** MurmurHash3 fmix32. */
export function mix(value: number): number {
  let hash = value;
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
