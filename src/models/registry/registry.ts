import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../../kernel/event.ts';
import { defaultTenant, type Principal } from '../../kernel/principal.ts';
import { Problem } from '../../kernel/problem.ts';
import { parseBundle, type Method } from '../../manifest/bundle.ts';
import { openJournal } from '../../manifest/journal.ts';
import { describe } from '../../manifest/sign.ts';
import { snapshot } from '../../manifest/snapshot.ts';
import { contentIdOf, parseStatement, type Resource } from '../../manifest/statement.ts';
import { verifyModel } from '../../manifest/verify.ts';
import type { Store } from '../../ports/store.ts';
import { refusalsAsProblems, trustOf, type TrustTexts } from './signature-commands.ts';
import { artifactRows, migrations, type ArtifactRow } from './store.ts';

/** Forward in this order; `revoked` from everywhere, and from there nowhere. */
export type ArtifactState = 'added' | 'scanned' | 'verified' | 'promoted' | 'revoked';

export type ScanVerdict = 'clean' | 'suspicious' | 'malicious' | 'error';

/** What the registry keeps of a scan. */
export interface ArtifactScan {
  verdict: ScanVerdict;
  findings: readonly unknown[];
  /** Milliseconds since the epoch. */
  at: number;
  /** Version of the scanners: a scan by others is not fresh. */
  scanner: string;
}

export interface Artifact {
  id: string;
  state: ArtifactState;
  /** Identity of the content: names and digests, hex. */
  root: string;
  /** Where it was added from. */
  source: string;
  /** The registry's own read-only copy. */
  path: string;
  resources: Resource[];
  /** The signature and whom it must come from, once one was given. */
  signature: { bundle: string; trust: TrustTexts; method: Method; signer: string } | null;
  scan: ArtifactScan | null;
  /** Why a suspicious artefact was promoted all the same. */
  accepted: string | null;
  /** Why it was revoked. */
  revoked: string | null;
  /** Ids of the datasets that it was trained on. */
  datasets: string[];
  changed: number;
  by: string;
}

export interface AddArtifact {
  id: string;
  /** Absolute path of a folder or file on this machine. */
  path: string;
  /** Text of a Sigstore bundle, with whom it must come from. */
  bundle?: string | undefined;
  trust?: TrustTexts | undefined;
  /** Where the bundle lies, when it lies inside the folder. */
  ignored?: readonly string[] | undefined;
  datasets?: readonly string[] | undefined;
}

export interface Gate {
  ok: boolean;
  /** Why not, or why it may. */
  reason: string;
}

export interface ArtifactRegistry {
  /**
   * Copies, scans and, with a signature, verifies. The same content again is scanned again.
   * @throws Problem CONFLICT when the id stands for other content
   */
  add(request: AddArtifact, by?: Principal): Promise<Artifact>;
  /** Lets a verified and clean artefact be loaded. @throws Problem BLOCKED */
  promote(id: string, accept: string | undefined, by?: Principal): Promise<Artifact>;
  revoke(id: string, reason: string, by?: Principal): Promise<Artifact>;
  list(): Promise<Artifact[]>;
  get(id: string): Promise<Artifact>;
  /** The load gate: promoted, freshly scanned, signature and every digest verified now. Never throws for a bad artefact. */
  gate(id: string): Promise<Gate>;
}

export interface RegistryOptions {
  store: Store;
  clock: Clock;
  record(event: SecurityEvent): Promise<unknown>;
  /** Folder of the registry's copies. */
  dir: string;
  /** Judges a folder; `scanner` is the version of its rules. */
  scan(path: string): Promise<{ verdict: ScanVerdict; findings: readonly unknown[] }>;
  scanner: string;
  /** A scan older than this is not fresh. Milliseconds; 30 days by default. */
  scanTtlMs?: number;
  tenant?: string;
}

type Body = Omit<Artifact, 'id' | 'state' | 'root' | 'changed'>;

const month = 30 * 86_400_000;
const keptFindings = 200;

/** Opens the artefact registry on a store. What a crash left half-recorded is recorded first. */
export async function openArtifacts(options: RegistryOptions): Promise<ArtifactRegistry> {
  const { store, clock, dir, scanner, scanTtlMs = month, tenant = defaultTenant } = options;
  await store.migrate(migrations);
  const rows = artifactRows(store, tenant);
  const journal = await openJournal(store, options.record, tenant);

  const event = (artifact: Artifact, by: Principal | undefined): SecurityEvent =>
    securityEvent({
      kind: 'entity_management',
      activity: artifact.state === 'added' ? 1 : artifact.state === 'revoked' ? 4 : 3,
      message: `artefact ${artifact.id} ${artifact.state}`,
      time: clock.now(),
      severity: artifact.scan?.verdict === 'malicious' ? 4 : 1,
      ok: artifact.scan === null || artifact.scan.verdict === 'clean',
      principal: by ?? { kind: 'local', id: 'local', tenant },
      unmapped: {
        entity: { type: 'artifact', uid: artifact.id, state: artifact.state, root: artifact.root },
        verdict: artifact.scan?.verdict ?? null,
        signer: artifact.signature?.signer ?? null,
        reason: artifact.revoked ?? artifact.accepted,
      },
    });

  /** One step: the row as it was seen becomes `next`, with its event, or nothing does. */
  const step = (
    seen: ArtifactRow | undefined,
    next: Artifact,
    by: Principal | undefined,
  ): Promise<Artifact> =>
    journal.change(async (note) => {
      const artifact = { ...next, changed: clock.now(), by: by?.id ?? 'local' };
      const row = toRow(artifact);
      if (seen === undefined) await rows.insert(row);
      else if (!(await rows.update({ ...row, version: seen.version }))) {
        throw new Problem('CONFLICT', {
          detail: `\`${next.id}\` changed in the meantime`,
          fix: 'Look at it with `merlon artifact list` and try again.',
        });
      }
      await note(event(artifact, by));
      return artifact;
    });

  const row = async (id: string): Promise<ArtifactRow> => {
    const found = await rows.get(id);
    if (found) return found;
    throw new Problem('NOT_FOUND', {
      detail: `there is no artefact \`${id}\``,
      fix: '`merlon artifact list` shows them, `merlon artifact add DIR --id ID` adds one.',
    });
  };

  const scanned = async (artifact: Artifact): Promise<Artifact> => {
    const { verdict, findings } = await options.scan(artifact.path);
    const scan = { verdict, findings: findings.slice(0, keptFindings), at: clock.now(), scanner };
    // What is no longer clean may no longer be loaded; a person has to look again.
    const keeps = verdict === 'clean' || (verdict === 'suspicious' && artifact.accepted !== null);
    const state =
      artifact.state === 'added' || (artifact.state === 'promoted' && !keeps) ? 'scanned' : artifact.state;
    return { ...artifact, scan, state };
  };

  const verified = async (artifact: Artifact, { bundle, trust }: AddArtifact): Promise<Artifact> => {
    if (bundle === undefined || trust === undefined) return artifact;
    const answer = await verifyModel(artifact.path, bundle, {
      trust: await trustOf(trust),
      now: clock.now(),
    });
    if (!answer.verified) {
      throw new Problem('BLOCKED', {
        detail: `the signature of \`${artifact.id}\` does not hold: ${answer.reason}`,
        fix: 'The artefact stays in the state `scanned`. Ask whoever made it for a signature of this content.',
      });
    }
    const signature = { bundle, trust, method: answer.method!, signer: answer.signer! };
    return { ...artifact, signature, state: artifact.state === 'scanned' ? 'verified' : artifact.state };
  };

  return {
    async add(request, by) {
      checkId(request.id);
      const seen = await rows.get(request.id);
      const left = await refusalsAsProblems(() => leftOut(request));
      const manifest = await refusalsAsProblems(() => describe(request.path, { ignored: left }));
      const root = contentIdOf(manifest.resources);
      if (seen && (seen.root !== root || seen.state === 'revoked')) {
        throw new Problem('CONFLICT', {
          detail:
            seen.state === 'revoked'
              ? `\`${request.id}\` is revoked`
              : `\`${request.id}\` stands for other content`,
          fix: 'Add it under another id, such as one with a version: `name@2`.',
        });
      }
      let artifact: Artifact;
      if (seen) artifact = fromRow(seen);
      else {
        const folder = join(dir, request.id, root);
        const copy = await refusalsAsProblems(() => snapshot(request.path, folder, { ignored: left }));
        if (contentIdOf(copy.resources) !== root) {
          throw new Problem('CONFLICT', {
            detail: `\`${request.path}\` changed while it was read`,
            fix: 'Add it again when nobody writes to it.',
          });
        }
        artifact = await step(
          undefined,
          {
            id: request.id,
            state: 'added',
            root,
            source: request.path,
            // Signatures of single files may name none.
            path: (await stat(request.path)).isFile() ? join(folder, basename(request.path)) : folder,
            resources: copy.resources,
            signature: null,
            scan: null,
            accepted: null,
            revoked: null,
            datasets: [...(request.datasets ?? [])],
            changed: 0,
            by: '',
          },
          by,
        );
      }
      artifact = await step(await row(request.id), await scanned(artifact), by);
      const signed = await verified(artifact, request);
      return signed === artifact ? artifact : step(await row(request.id), signed, by);
    },

    async promote(id, accept, by) {
      const seen = await row(id);
      const artifact = { ...fromRow(seen), accepted: accept ?? null };
      const refused = refusal({
        ...artifact,
        state: artifact.state === 'verified' ? 'promoted' : artifact.state,
      });
      if (refused !== undefined) throw new Problem('BLOCKED', { detail: `\`${id}\` ${refused}` });
      const content = await verifyContent(artifact);
      if (content !== undefined) throw new Problem('BLOCKED', { detail: `\`${id}\` ${content}` });
      return step(seen, { ...artifact, state: 'promoted' }, by);
    },

    async revoke(id, reason, by) {
      const seen = await row(id);
      if (seen.state === 'revoked') return fromRow(seen);
      return step(seen, { ...fromRow(seen), state: 'revoked', revoked: reason }, by);
    },

    list: async () => (await rows.all()).map(fromRow),
    get: async (id) => fromRow(await row(id)),

    async gate(id) {
      // A change that is not in the ledger yet does not count.
      await journal.flush();
      const found = await rows.get(id);
      if (!found) return { ok: false, reason: `there is no artefact \`${id}\`` };
      const artifact = fromRow(found);
      const why = refusal(artifact) ?? (await verifyContent(artifact));
      if (why !== undefined) return { ok: false, reason: `\`${id}\` ${why}` };
      return {
        ok: true,
        reason: `signed by ${artifact.signature!.signer}, scanned ${day(artifact.scan!.at)}`,
      };
    },
  };

  /** Why the registry's knowledge forbids loading, without looking at the bytes. */
  function refusal({ state, scan, accepted }: Artifact): string | undefined {
    if (state !== 'promoted') return `is ${state}, not ${state === 'verified' ? 'promoted' : 'verified'}`;
    if (!scan) return 'was never scanned';
    if (scan.verdict === 'malicious' || scan.verdict === 'error')
      return `has the scan verdict ${scan.verdict}`;
    if (scan.verdict === 'suspicious' && !accepted) return 'is suspicious, and nobody accepted that';
    if (scan.scanner !== scanner)
      return 'was scanned by other scanners than those of today: add it again to scan it';
    if (clock.now() - scan.at > scanTtlMs) return `was last scanned ${day(scan.at)}: add it again to scan it`;
    return undefined;
  }

  async function verifyContent({ path, signature }: Artifact): Promise<string | undefined> {
    if (!signature) return 'has no signature';
    const answer = await verifyModel(path, signature.bundle, {
      trust: await trustOf(signature.trust),
      now: clock.now(),
    }).catch(() => ({ verified: false, reason: 'its copy cannot be read', root: null }));
    return answer.verified ? undefined : `does not verify: ${answer.reason}`;
  }
}

/** Paths that neither the signer nor the registry takes as content. */
function leftOut({ bundle, ignored = [] }: AddArtifact): string[] {
  return [
    ...ignored,
    ...(bundle === undefined ? [] : (parseStatement(parseBundle(bundle).payload).ignored ?? [])),
  ];
}

function checkId(id: string): void {
  if (/^[a-z0-9][a-z0-9._@-]{0,99}$/.test(id)) return;
  throw new Problem('INPUT_INVALID', {
    detail: `\`${id}\` is not an id`,
    fix: 'Use lower-case letters, digits, `.`, `_`, `-` and `@`, such as `support-model@2`.',
  });
}

function toRow({ id, state, root, changed, ...body }: Artifact): Omit<ArtifactRow, 'version'> {
  return { id, state, root, changed, body: JSON.stringify(body) };
}

function fromRow({ id, state, root, changed, body }: ArtifactRow): Artifact {
  return { ...(JSON.parse(body) as Body), id, state: state as ArtifactState, root, changed };
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
