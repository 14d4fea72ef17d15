import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { Problem } from '../kernel/problem.ts';
import { openCheckpoint, parseCheckpoint, publicKeyFromPem, publicKeyToPem } from './proof/checkpoint.ts';
import { checkpointFile, keyFile } from './publish.ts';
import {
  decodeBundle,
  hashBytes,
  leafHashOf,
  parseTilePath,
  subtreeRoot,
  tilePath,
  tileWidth,
} from './tiles.ts';
import { Edge, rootOf } from './tree.ts';

/** What is wrong. `index` is the entry it is about, or the first one of a tile; the size for heads. */
export interface LedgerProblem {
  kind:
    | 'entry'
    | 'order'
    | 'missing'
    | 'tile'
    | 'root'
    | 'checkpoint'
    | 'key'
    | 'truncated'
    | 'fork'
    | 'unexpected';
  index: number;
  detail: string;
}

export interface Verification {
  ok: boolean;
  size: number;
  /** Root over the entries as they are, base64. */
  root: string;
  problems: LedgerProblem[];
}

export interface VerifyOptions {
  /** A signed checkpoint of this log that was kept elsewhere: shows truncation and forks. */
  checkpoint?: string;
  /** PEM of the key that must have signed; without it, the key beside the log, which shows damage but not forgery. */
  publicKey?: string;
  onProgress?: (entries: number, size: number) => void;
}

const problemLimit = 1000;

/**
 * Checks a published log with nothing but its files.
 * @throws Problem FILE_UNREADABLE when the folder cannot be read
 */
export async function verifyLedger(dir: string, options: VerifyOptions = {}): Promise<Verification> {
  const files = snapshot(dir);
  const problems: LedgerProblem[] = [];
  const report = (kind: LedgerProblem['kind'], index: number, detail: string): void => {
    if (problems.length < problemLimit) problems.push({ kind, index, detail });
  };

  const key = trustedKey(files, options.publicKey, report);
  const signed = await publishedHead(files, key, report);
  const size = signed?.size ?? entriesThere(files);
  const kept = await keptHead(options.checkpoint, key, size, report);
  for (const path of files.unexpected) report('unexpected', 0, `\`${path}\` is no part of a ledger`);

  const levels = new Levels(files, report);
  const edge = new Edge();
  const suspects: Suspect[] = [];
  let keptRoot: Buffer | undefined;
  const add = (leaves: readonly Buffer[]): void => {
    for (const { level, n, hashes, root } of edge.append(leaves)) levels.check(level, n, hashes, root);
  };

  for (let n = 0; n * tileWidth < size; n += 1) {
    const wanted = Math.min(tileWidth, size - n * tileWidth);
    const leaves = readLeaves(files, n, wanted, suspects, report);
    const cut = kept === undefined ? -1 : kept.size - n * tileWidth;
    if (cut >= 0 && cut <= wanted && !keptRoot) {
      add(leaves.slice(0, cut));
      keptRoot = rootOf(edge.partials());
      add(leaves.slice(cut));
    } else {
      add(leaves);
    }
    if (n % 64 === 0) options.onProgress?.(Math.min(size, (n + 1) * tileWidth), size);
  }
  if (kept?.size === 0) keptRoot = rootOf([]);
  checkTail(files, size, suspects, report);

  const partials = edge.partials();
  for (const { level, n, hashes } of partials) levels.check(level, n, hashes);
  levels.checkOthers();
  const root = rootOf(partials);
  const good = signed === undefined || root.equals(signed.root);
  blame(suspects, good, levels, report);
  if (!good) report('root', size, `the entries do not hash to the root that the checkpoint of ${size} signs`);
  if (kept && keptRoot && !keptRoot.equals(kept.root)) {
    report('fork', kept.size, `the first ${kept.size} entries are not those of the checkpoint that was kept`);
  }
  options.onProgress?.(size, size);
  return { ok: problems.length === 0, size, root: root.toString('base64'), problems };
}

/**
 * Text of one published entry.
 * @throws Problem NOT_FOUND
 */
export function readPublishedEntry(dir: string, index: number): string {
  const n = Math.floor(index / tileWidth);
  const files = snapshot(dir);
  const width = widthsOf(files, 'entries', n)[0];
  const bundle = width === undefined ? undefined : content(files, 'entries', n, width);
  const entry = bundle && decodeBundle(bundle).entries[index % tileWidth];
  if (entry) return entry.toString();
  throw new Problem('NOT_FOUND', { detail: `the published ledger has no entry ${index}` });
}

type Report = (kind: LedgerProblem['kind'], index: number, detail: string) => void;

/** A published log at one moment. */
interface Files {
  dir: string;
  note: string | undefined;
  key: string | undefined;
  /** Widths that are there, widest first, by `level/n`. */
  tiles: Map<string, { level: number | 'entries'; n: number; widths: number[] }>;
  /** Contents of partial tiles, which a running log replaces. */
  partials: Map<string, Buffer>;
  unexpected: string[];
}

function snapshot(dir: string): Files {
  for (let attempt = 1; ; attempt += 1) {
    const files = list(dir);
    try {
      for (const { level, n, widths } of files.tiles.values()) {
        for (const width of widths) {
          if (width === tileWidth) continue;
          const path = tilePath(level, n, width);
          files.partials.set(path, readFileSync(join(dir, path)));
        }
      }
      return files;
    } catch (cause) {
      // A running log has just published its next head: look again.
      if (attempt < 10 && (cause as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw unreadable(dir, cause);
    }
  }
}

function list(dir: string): Files {
  const files: Files = {
    dir,
    note: text(join(dir, checkpointFile)),
    key: text(join(dir, keyFile)),
    tiles: new Map(),
    partials: new Map(),
    unexpected: [],
  };
  let listed;
  try {
    if (!statSync(dir).isDirectory()) throw new Error('not a folder');
    listed = readdirSync(dir, { withFileTypes: true, recursive: true });
  } catch (cause) {
    throw unreadable(dir, cause);
  }
  for (const entry of listed) {
    if (entry.isDirectory()) continue;
    const path = relative(dir, join(entry.parentPath, entry.name)).split(sep).join('/');
    // Names with a dot in front are no part of the log: files on their way.
    if (path === checkpointFile || path === keyFile || path.startsWith('.')) continue;
    const tile = entry.isFile() ? parseTilePath(path) : undefined;
    if (!tile) {
      files.unexpected.push(path);
      continue;
    }
    const name = `${tile.level}/${tile.n}`;
    const known = files.tiles.get(name) ?? { level: tile.level, n: tile.n, widths: [] };
    known.widths.push(tile.width);
    known.widths.sort((a, b) => b - a);
    files.tiles.set(name, known);
  }
  return files;
}

function text(path: string): string | undefined {
  try {
    // Bytes that are no UTF-8 become U+FFFD, which stands in no valid checkpoint or key.
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function unreadable(dir: string, cause: unknown): Problem {
  return new Problem('FILE_UNREADABLE', {
    detail: `\`${dir}\` cannot be read as the folder of a ledger`,
    fix: 'Name the folder that holds `checkpoint` and `tile/`, such as `.merlon/ledger`.',
    cause,
  });
}

function content(files: Files, level: number | 'entries', n: number, width: number): Buffer | undefined {
  const path = tilePath(level, n, width);
  const partial = files.partials.get(path);
  if (partial) return partial;
  try {
    return readFileSync(join(files.dir, path));
  } catch {
    return undefined;
  }
}

function widthsOf(files: Files, level: number | 'entries', n: number): readonly number[] {
  return files.tiles.get(`${level}/${n}`)?.widths ?? [];
}

function entriesThere(files: Files): number {
  let size = 0;
  for (const { level, n, widths } of files.tiles.values()) {
    if (level === 'entries') size = Math.max(size, n * tileWidth + widths[0]!);
  }
  return size;
}

function trustedKey(files: Files, given: string | undefined, report: Report): Uint8Array | undefined {
  const beside = files.key === undefined ? undefined : publicKeyFromPem(files.key);
  const damaged = beside === undefined || publicKeyToPem(beside) !== files.key;
  if (files.key === undefined) report('missing', 0, `\`${keyFile}\` is missing`);
  else if (damaged) report('key', 0, `\`${keyFile}\` is not an Ed25519 public key as it was published`);
  if (given === undefined) return beside;
  const key = publicKeyFromPem(given.replaceAll('\r\n', '\n'));
  if (!key) {
    throw new Problem('INPUT_INVALID', {
      detail: 'the given key is not an Ed25519 public key in PEM form',
      fix: 'Give the `key.pem` of the ledger, as it was kept elsewhere.',
    });
  }
  if (beside && !damaged && Buffer.compare(beside, key) !== 0) {
    report('key', 0, `\`${keyFile}\` is another key than the one given`);
  }
  return key;
}

type Head = { size: number; root: Uint8Array };

async function publishedHead(
  files: Files,
  key: Uint8Array | undefined,
  report: Report,
): Promise<Head | undefined> {
  if (files.note === undefined) {
    report('missing', 0, '`checkpoint` is missing');
    return undefined;
  }
  const parsed = parseCheckpoint(files.note);
  if (!parsed) {
    report('checkpoint', 0, 'the checkpoint is not a signed note as it was published');
    return undefined;
  }
  if (key && !(await openCheckpoint(files.note, key))) {
    report('checkpoint', parsed.size, 'the checkpoint is not signed by the key of the ledger');
  }
  if (parsed.signatures.length !== 1) {
    report('checkpoint', parsed.size, 'the checkpoint has a signature that we did not make');
  }
  return parsed;
}

async function keptHead(
  note: string | undefined,
  key: Uint8Array | undefined,
  size: number,
  report: Report,
): Promise<Head | undefined> {
  if (note === undefined) return undefined;
  const head = key && (await openCheckpoint(note, key));
  if (!head) {
    report('checkpoint', 0, 'the checkpoint that was kept is not signed by the key of the ledger');
    return undefined;
  }
  if (head.size <= size) return head;
  report('truncated', size, `the ledger has ${size} entries, the checkpoint that was kept ${head.size}`);
  return undefined;
}

/** A leaf of which bundle and tile say different things. */
interface Suspect {
  index: number;
  ofEntry: Buffer;
  ofTile: Buffer;
}

/** The first `wanted` leaf hashes of a bundle: from the entries, and where these are gone from the tile. */
function readLeaves(files: Files, n: number, wanted: number, suspects: Suspect[], report: Report): Buffer[] {
  const first = n * tileWidth;
  const bundle = widest(files, 'entries', n, wanted);
  const tile = widest(files, 0, n, wanted);
  const { entries, rest } = bundle ? decodeBundle(bundle.bytes) : { entries: [], rest: 0 };
  const framed = bundle !== undefined && rest === 0 && entries.length === bundle.width;
  if (!bundle) {
    report(
      'missing',
      first,
      `entries ${first} to ${first + wanted - 1} are missing: \`${tilePath('entries', n, wanted)}\``,
    );
  }
  if (!tile) {
    report('missing', first, `\`${tilePath(0, n, wanted)}\` is missing`);
  } else if (tile.bytes.length !== tile.width * hashBytes) {
    report(
      'tile',
      first,
      `\`${tilePath(0, n, tile.width)}\` has ${tile.bytes.length} bytes, not ${tile.width * hashBytes}`,
    );
  }

  const leaves: Buffer[] = [];
  const count = Math.max(wanted, bundle?.width ?? 0, tile?.width ?? 0);
  let damaged = false;
  for (let i = 0; i < count; i += 1) {
    const stored = tile?.bytes.subarray(i * hashBytes, (i + 1) * hashBytes);
    const ofTile = stored?.length === hashBytes ? stored : undefined;
    const ofEntry = entries[i] && leafHashOf(entries[i]!);
    if (ofEntry && ofTile && !ofEntry.equals(ofTile)) {
      if (framed) suspects.push({ index: first + i, ofEntry, ofTile });
      else damaged = true;
    } else if (!ofEntry && bundle && i < bundle.width) {
      damaged = true;
    }
    if (damaged && bundle && !framed) {
      // The lengths are off from here on: what follows says nothing about single entries.
      report(
        'entry',
        first + i,
        `\`${tilePath('entries', n, bundle.width)}\` is damaged from entry ${first + i} on`,
      );
      for (let j = i; j < wanted; j += 1) leaves.push(leafIn(tile?.bytes, j));
      return leaves;
    }
    if (i < wanted) leaves.push(ofEntry ?? leafIn(tile?.bytes, i));
  }
  if (bundle && !framed) {
    report(
      'entry',
      first + bundle.width,
      `\`${tilePath('entries', n, bundle.width)}\` holds more than its entries`,
    );
  }
  return leaves;
}

/** A leaf hash of a tile; zeros where there is none, so that the root cannot come out right. */
function leafIn(tile: Buffer | undefined, at: number): Buffer {
  const hash = tile?.subarray(at * hashBytes, (at + 1) * hashBytes);
  return hash?.length === hashBytes ? hash : Buffer.alloc(hashBytes);
}

/** The widest file of a tile that holds at least `wanted`, after the narrower ones were compared with it. */
function widest(
  files: Files,
  level: number | 'entries',
  n: number,
  wanted: number,
): { width: number; bytes: Buffer } | undefined {
  const width = widthsOf(files, level, n)[0];
  if (width === undefined || width < wanted) return undefined;
  const bytes = content(files, level, n, width);
  return bytes && { width, bytes };
}

/** Tiles and bundles that are there beside the widest must be its beginning; those past the head must agree. */
function checkTail(files: Files, size: number, suspects: Suspect[], report: Report): void {
  for (const { level, n, widths } of files.tiles.values()) {
    if (level !== 'entries') continue;
    if (n * tileWidth >= size) {
      // Written before a head that never came: entries and hashes must still agree where both are there.
      const width = widths[0]!;
      if (widthsOf(files, 0, n)[0] === width) readLeaves(files, n, width, suspects, report);
    }
  }
  for (const { level, n, widths } of files.tiles.values()) {
    if (widths.length < 2 && widths[0] === tileWidth) continue;
    const whole = content(files, level, n, widths[0]!);
    for (const width of widths.slice(1)) {
      const part = content(files, level, n, width);
      const expected =
        level === 'entries'
          ? whole &&
            decodeBundle(whole)
              .entries.slice(0, width)
              .reduce((sum, one) => sum + 2 + one.length, 0)
          : width * hashBytes;
      if (!part || part.length !== expected || !whole?.subarray(0, part.length).equals(part)) {
        const index = level === 'entries' ? n * tileWidth : n * tileWidth ** (level + 1);
        report(
          'tile',
          index,
          `\`${tilePath(level, n, width)}\` is not the beginning of \`${tilePath(level, n, widths[0])}\``,
        );
      }
    }
  }
}

/** Compares tiles above the leaves with what their children hash to. */
class Levels {
  readonly #files: Files;
  readonly #report: Report;
  readonly #seen = new Set<string>();
  /** Root of a tile by its published hashes, where that differs from the computed one, by `level/n`. */
  readonly #published = new Map<string, Buffer>();

  /** Root of the entries of a leaf tile whose published hashes differ. */
  readonly #computed = new Map<number, Buffer>();

  constructor(files: Files, report: Report) {
    this.#files = files;
    this.#report = report;
  }

  /** `hashes` are the computed ones, at least those of the signed size; `root` is given for full tiles. */
  check(level: number, n: number, hashes: Buffer, root?: Buffer): void {
    this.#seen.add(`${level}/${n}`);
    const count = hashes.length / hashBytes;
    const tile = widest(this.#files, level, n, count);
    const index = n * tileWidth ** (level + 1);
    if (!tile) {
      if (level > 0) this.#report('missing', index, `\`${tilePath(level, n, count)}\` is missing`);
      return;
    }
    const { bytes, width } = tile;
    if (bytes.length !== width * hashBytes) {
      if (level > 0) this.#report('tile', index, `\`${tilePath(level, n, width)}\` has the wrong length`);
      return;
    }
    const published = bytes.subarray(0, hashes.length);
    if (published.equals(hashes)) return;
    if (root) this.#published.set(`${level}/${n}`, subtreeRoot(published, 0, tileWidth));
    if (root && level === 0) this.#computed.set(n, root);
    if (level === 0) return;
    for (let i = 0; i < count; i += 1) {
      const hash = published.subarray(i * hashBytes, (i + 1) * hashBytes);
      const computed = hashes.subarray(i * hashBytes, (i + 1) * hashBytes);
      const below = this.#published.get(`${level - 1}/${n * tileWidth + i}`);
      // A tile that agrees with the published tile below it only repeats a fault that is reported there.
      if (hash.equals(computed) || (below && hash.equals(below))) continue;
      const at = index + i * tileWidth ** level;
      this.#report('tile', at, `\`${tilePath(level, n, width)}\` has a wrong hash at position ${i}`);
    }
  }

  /** Whether the published level 1 agrees with the entries of leaf tile `n` rather than with its published hashes. */
  entriesConfirmed(n: number): boolean {
    const root = this.#computed.get(n);
    if (!root) return false;
    const tile = widest(this.#files, 1, Math.floor(n / tileWidth), (n % tileWidth) + 1);
    const at = (n % tileWidth) * hashBytes;
    return tile?.bytes.subarray(at, at + hashBytes).equals(root) ?? false;
  }

  /** Tiles of levels that a log of this size does not have. */
  checkOthers(): void {
    for (const { level, n, widths } of this.#files.tiles.values()) {
      if (level === 'entries' || level === 0 || this.#seen.has(`${level}/${n}`)) continue;
      // Hashes of full tiles that are there past the head are fine; anything else has no source.
      const children = widths[0]!;
      const last = n * tileWidth + children - 1;
      if (widthsOf(this.#files, level - 1, last)[0] === tileWidth) continue;
      this.#report(
        'unexpected',
        n * tileWidth ** (level + 1),
        `\`${tilePath(level, n, children)}\` has no entries`,
      );
    }
  }
}

/** Says of each leaf with two hashes which side is wrong. */
function blame(suspects: readonly Suspect[], rootIsGood: boolean, levels: Levels, report: Report): void {
  const belongs = new Map(suspects.map(({ index, ofTile }) => [ofTile.toString('hex'), index]));
  const tiles = new Map<number, boolean>();
  for (const { index, ofEntry, ofTile } of suspects) {
    const n = Math.floor(index / tileWidth);
    if (!tiles.has(n)) tiles.set(n, rootIsGood || levels.entriesConfirmed(n));
    const place = belongs.get(ofEntry.toString('hex'));
    if (tiles.get(n)) {
      report('tile', index, `\`${tilePath(0, n)}\` has a wrong hash for entry ${index}`);
    } else if (place !== undefined && place !== index) {
      report('order', index, `entry ${index} is where entry ${place} should be`);
    } else {
      report(
        'entry',
        index,
        `entry ${index} is not the one that was logged (leaf ${ofTile.toString('base64')})`,
      );
    }
  }
}
