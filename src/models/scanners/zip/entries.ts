import { LimitExceeded, type Role, type ScanContext } from '../contract.ts';
import type { Source } from '../source.ts';
import { judgePath } from '../paths.ts';
import { archiveOf, unpack, type Archive, type Entry } from './archive.ts';

/** Unpacked bytes below which a high ratio is no bomb. */
const bombLeast = 4 * 1024 * 1024;

/** Scans every entry of every view of a ZIP file by its content; `roleOf` says what an entry is to the loader. */
export function scanArchive(
  source: Source,
  context: ScanContext,
  roleOf: (entry: Entry) => Role,
  inspect?: (entry: Entry, content: Source) => void,
): void {
  const archive = archiveOf(source, context.limits.entries);
  if (archive === undefined) return;
  if (archive.entries.length > context.limits.entries)
    throw new LimitExceeded(`more than ${context.limits.entries} entries in a ZIP file`);
  reportShape(archive, source, context);
  const names = new Map<string, number>();
  for (const entry of archive.entries) {
    const times = (names.get(entry.name) ?? 0) + 1;
    names.set(entry.name, times);
    if (times === 2 && entry.central)
      context.report({
        rule: 'zip-duplicate-entry',
        weight: 'suspicious',
        offset: entry.local,
        evidence: entry.name,
        why: 'loaders disagree on which of two entries of one name they read',
      });
    reportEntry(entry, context);
    if (entry.name.endsWith('/') && entry.unpacked === 0) continue;
    const bomb = entry.unpacked > bombLeast && entry.unpacked > entry.packed * context.limits.ratio;
    if (bomb) {
      context.report({
        rule: 'zip-bomb',
        weight: 'suspicious',
        offset: entry.local,
        evidence: `${entry.name}: ${entry.packed} bytes become ${entry.unpacked}`,
        why: 'unpacking it exhausts memory or disk',
      });
      if (entry.unpacked > context.limits.entryBytes) continue;
    }
    const { source: content, unreadable, crcMatches } = unpack(source, entry, context);
    const encrypted = (entry.flags & 0x2061) !== 0;
    if (unreadable !== undefined) {
      context.report({
        rule: 'zip-unreadable-entry',
        weight: 'suspicious',
        offset: entry.local,
        evidence: `${entry.name}: ${unreadable}`,
        why: 'what cannot be unpacked here cannot be judged',
      });
      continue;
    }
    if (crcMatches === false && !encrypted)
      context.report({
        rule: 'zip-checksum',
        weight: 'suspicious',
        offset: entry.local,
        evidence: entry.name,
        why: 'the checksum is wrong: some loaders refuse the entry, others load it',
      });
    context.nested(entry.name, content, { role: roleOf(entry) });
    inspect?.(entry, content);
  }
}

function reportShape(archive: Archive, source: Source, context: ScanContext): void {
  for (const { offset, evidence, why } of archive.differences)
    context.report({ rule: 'zip-views-differ', weight: 'suspicious', offset, evidence, why });
  if (archive.truncated)
    context.report({
      rule: 'zip-no-directory',
      weight: 'error',
      offset: source.size,
      evidence: `${archive.entries.length} entries`,
      why: 'the file has no central directory; most loaders refuse it',
    });
  if (archive.start > 0)
    context.report({
      rule: 'zip-prefixed',
      weight: 'suspicious',
      offset: 0,
      evidence: `${archive.start} bytes before the first entry`,
      why: 'a file that is a ZIP archive from its end can be another format from its start',
    });
}

function reportEntry(entry: Entry, context: ScanContext): void {
  const wrong = judgePath(entry.name);
  if (wrong !== undefined)
    context.report({
      rule: 'archive-path',
      weight: wrong.weight,
      offset: entry.local,
      evidence: entry.name,
      why: wrong.why,
    });
  if ((entry.mode & 0xf000) === 0xa000)
    context.report({
      rule: 'archive-link',
      weight: 'malicious',
      offset: entry.local,
      evidence: entry.name,
      why: 'a symbolic link lets later entries be written outside the folder',
    });
  if ((entry.flags & 0x2061) !== 0)
    context.report({
      rule: 'zip-encrypted',
      weight: 'suspicious',
      offset: entry.local,
      evidence: `${entry.name}: flags 0x${entry.flags.toString(16)}`,
      why: 'scanners skip an entry that says it is encrypted; `torch.load` reads it all the same',
    });
}
