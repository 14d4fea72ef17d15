/** What is wrong with a path inside an archive or a model, seen by a loader that writes or opens it; undefined when nothing. */
export function judgePath(path: string): { weight: 'malicious' | 'suspicious'; why: string } | undefined {
  const folded = path.normalize('NFKC').replaceAll('\\', '/');
  if (path.includes('\0'))
    return { weight: 'malicious', why: 'a NUL byte ends the path early in some loaders' };
  if (folded.startsWith('/') || /^[A-Za-z]:/.test(folded))
    return { weight: 'malicious', why: 'an absolute path leaves the folder of the model' };
  if (/^[A-Za-z][A-Za-z0-9+.-]*:\/\//.test(folded))
    return { weight: 'malicious', why: 'a URI is not a path inside the model' };
  if (path.split(/[\\/]/).includes('..'))
    return { weight: 'malicious', why: '`..` leaves the folder of the model' };
  if (folded.split('/').includes('..') || decodes(folded))
    return { weight: 'suspicious', why: 'the path becomes `..` when it is normalised or decoded' };
  if (path.includes('\\'))
    return { weight: 'suspicious', why: 'a backslash separates folders on some systems only' };
  return undefined;
}

function decodes(path: string): boolean {
  return /%(?:2e|2f|5c|00)/i.test(path) && /(?:\.|%2e){2}/i.test(path);
}
