// Kind `scan`: model files (`gz_b64`, or `files` of one folder) with the verdicts that count as right. Samples are decoded in
// memory; those of a folder live in a private one while they are scanned.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** @param {string} dist folder of the built product */
export async function scan(dist, { passed, skipped }) {
  const { openScanner } = await import(join(dist, 'models/scanners/scan.js'));
  const scanner = openScanner();
  const bytesOf = ({ gz_b64: packed }) => gunzipSync(Buffer.from(packed, 'base64'));

  async function scanFolder(files, name) {
    const folder = mkdtempSync(join(tmpdir(), 'merlon-scan-'));
    try {
      for (const file of files) {
        const path = resolve(folder, file.path);
        if (!path.startsWith(folder + sep)) throw new Error(`\`${file.path}\` leaves the sample`);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, bytesOf(file), { mode: 0o400 });
      }
      return await scanner.scan(folder, name);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  return async (row) => {
    if (row.gz_b64 === undefined && row.files === undefined) return skipped('labels without a file');
    const name = row.name ?? row.id;
    const { verdict, findings } = row.files
      ? await scanFolder(row.files, name)
      : await scanner.scan(bytesOf(row), name);
    const accepted = row.accept ?? [row.expected];
    if (accepted.includes(verdict)) return passed;
    return `${verdict} instead of ${accepted.join(' or ')}: ${findings[0]?.rule ?? 'no finding'} (${row.kind})`;
  };
}
