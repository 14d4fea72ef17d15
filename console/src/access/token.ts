/** Finds the one-time token in what people paste: the whole link, its end, or the token alone. */
export function tokenIn(pasted: string): string | undefined {
  const text = pasted.trim();
  const match = /(?:#|[?&]token=)(?:token=)?([A-Za-z0-9._~-]+)/.exec(text);
  if (match) return match[1];
  return /^[A-Za-z0-9._~-]{16,}$/.test(text) && !text.includes('://') ? text : undefined;
}
