import { defineScanner, type Role, type ScanContext } from '../contract.ts';
import { judgePath } from '../paths.ts';
import type { Source } from '../source.ts';
import { isTarHeader, readTar, type TarEntry } from './archive.ts';

export const scanner = defineScanner({
  id: 'tar',
  title: 'tar archive (NeMo, legacy PyTorch)',

  recognise: (source) => (isTarHeader(source.read(0, 512)) ? 'magic' : undefined),

  scan(source, context) {
    const { entries, end } = readTar(source, context.limits.entries);
    reportRest(source, end, context);
    const legacy = ['pickle', 'storages', 'tensors'].every((name) =>
      entries.some((entry) => entry.name.replace(/^\.\//, '') === name),
    );
    const names = new Set<string>();
    for (const entry of entries) {
      reportEntry(entry, names, context);
      if (entry.type !== '0' && entry.type !== '\0' && entry.type !== '7') continue;
      if (entry.size === 0) continue;
      context.nested(entry.name, source.slice(entry.data, entry.data + entry.size), {
        role: roleOf(entry.name.replace(/^\.\//, ''), legacy),
      });
    }
  },
});

/** `torch.load` before 0.1.10 wrote a tar file with one pickle and raw storages. */
function roleOf(name: string, legacy: boolean): Role {
  if (!legacy) return 'file';
  return name === 'pickle' || name === 'storages' || name === 'tensors' ? 'torch-pickle' : 'file';
}

function reportEntry({ name, type, link, at }: TarEntry, names: Set<string>, context: ScanContext): void {
  const wrong = judgePath(name);
  if (wrong !== undefined)
    context.report({
      rule: 'archive-path',
      weight: wrong.weight,
      offset: at,
      evidence: name,
      why: wrong.why,
    });
  if (type === '1' || type === '2')
    context.report({
      rule: 'archive-link',
      weight: type === '1' && judgePath(link) === undefined ? 'suspicious' : linkWeight(link),
      offset: at,
      evidence: `${name} -> ${link}`,
      why: 'a link lets later entries be written, or files be read, outside the folder',
    });
  else if (/[3-6]/.test(type) && type !== '5')
    context.report({
      rule: 'archive-device',
      weight: 'malicious',
      offset: at,
      evidence: `${name}: type ${type}`,
      why: 'a model has no devices or pipes',
    });
  if (names.has(name) && type !== '5')
    context.report({
      rule: 'tar-duplicate-entry',
      weight: 'suspicious',
      offset: at,
      evidence: name,
      why: 'the later entry replaces the earlier one',
    });
  names.add(name);
}

function linkWeight(link: string): 'malicious' | 'suspicious' {
  return judgePath(link) === undefined ? 'suspicious' : 'malicious';
}

/** Two blocks of zeros end the archive; loaders ignore what follows, other readers may not. */
function reportRest(source: Source, end: number, context: ScanContext): void {
  const rest = source.read(end, Math.min(source.size - end, 1024 * 1024));
  const at = rest.findIndex((byte) => byte !== 0);
  if (at >= 0)
    context.report({
      rule: 'tar-trailing-data',
      weight: 'suspicious',
      offset: end + at,
      evidence: `${source.size - end - at} bytes`,
      why: 'data follows the end of the archive; something else may read it',
    });
}
