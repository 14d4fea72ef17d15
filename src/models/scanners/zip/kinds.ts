import type { Source } from '../source.ts';
import { archiveOf } from './archive.ts';

// What an archive is to its loader is said by the entries that the loader looks for.

function hasEntry(source: Source, name: RegExp): boolean {
  return archiveOf(source)?.entries.some((entry) => name.test(entry.name)) === true;
}

export function isTorchArchive(source: Source): boolean {
  return hasEntry(source, /(?:^|\/)(?:data|constants)\.pkl$/);
}

export function isKerasArchive(source: Source): boolean {
  return hasEntry(source, /^config\.json$/) && hasEntry(source, /^(?:metadata\.json|model\.weights\.h5)$/);
}

export function isNumpyArchive(source: Source): boolean {
  return hasEntry(source, /\.npy$/) && !isTorchArchive(source);
}

export function isSkopsArchive(source: Source): boolean {
  return hasEntry(source, /^schema\.json$/);
}

/** Code by design: TorchServe archives carry a handler that runs. */
export function isModelServerArchive(source: Source): boolean {
  return hasEntry(source, /^MAR-INF\/MANIFEST\.json$/i);
}
