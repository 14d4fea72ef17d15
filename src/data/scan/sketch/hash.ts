/** 32-bit FNV-1a over UTF-16 units with a final mix (MurmurHash3 fmix32). Not for anything that an opponent may choose against. */
export function hash32(text: string, seed = 0): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
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

/** 52 bits as one number: two independent halves of 32 and 20 bits. */
export function hash52(text: string): number {
  return hash32(text) * 0x100000 + (hash32(text, 0x9747b28c) >>> 12);
}
