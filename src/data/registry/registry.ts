import { createPublicKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../../kernel/event.ts';
import { contentHash } from '../../kernel/hash.ts';
import { defaultTenant, type Principal } from '../../kernel/principal.ts';
import { Problem } from '../../kernel/problem.ts';
import type { Secret } from '../../kernel/secret.ts';
import { openJournal } from '../../manifest/journal.ts';
import { keyFromSeed, publicPem } from '../../manifest/keys.ts';
import { describe, signStatement } from '../../manifest/sign.ts';
import { discard, snapshot, sweep, workName } from '../../manifest/snapshot.ts';
import { contentIdOf, type Resource } from '../../manifest/statement.ts';
import { Refusal } from '../../manifest/strict-json.ts';
import type { Store } from '../../ports/store.ts';
import { readApproval, signApproval, type Approval } from './approval.ts';
import { keep, materialise, type Cipher } from './storage.ts';
import { datasetRows, migrations, type DatasetRow } from './store.ts';

/** Forward in this order; `revoked` from everywhere, and from there nowhere. */
export type DatasetState = 'draft' | 'scanned' | 'reviewed' | 'approved' | 'revoked';

export interface DatasetScan {
  /** How many findings there are; a review must say something about them. */
  findings: number;
  /** The profile, as the scanner made it: no values of the data. */
  summary: unknown;
}

export interface Dataset {
  id: string;
  state: DatasetState;
  /** Identity of the content: names and digests, hex. */
  root: string;
  /** Where it was registered from. */
  source: string;
  /** The registry's own copy: read-only, and encrypted where there is a vault. */
  path: string;
  encrypted: boolean;
  files: number;
  author: string;
  scan: (DatasetScan & { at: number }) | null;
  review: { by: string; at: number; note: string } | null;
  approval: (Omit<Approval, 'dataset' | 'root'> & { /** The signed statement. */ bundle: string }) | null;
  revoked: { by: string; at: number; reason: string } | null;
  changed: number;
}

export interface ApproveDataset {
  purpose: string;
  models: readonly string[];
  /** Milliseconds since the epoch. */
  expires: number;
}

export interface Use {
  purpose?: string | undefined;
  model?: string | undefined;
}

/** A dataset that may be read now, by a signed approval. */
export interface Grant {
  dataset: string;
  root: string;
  purpose: string;
  expires: number;
  approver: string;
}

/** A fresh read-only copy of a dataset, verified against its approval. */
export interface View extends Grant {
  path: string;
  resources: Resource[];
}

export interface DatasetRegistry {
  /** Copies and scans. The same content again is scanned again while it is not approved. */
  register(request: { id: string; path: string; author: string }, by?: Principal): Promise<Dataset>;
  review(id: string, review: { by: string; note: string }, by?: Principal): Promise<Dataset>;
  approve(id: string, approval: ApproveDataset & { by: string }, by?: Principal): Promise<Dataset>;
  revoke(id: string, revocation: { by: string; reason: string }, by?: Principal): Promise<Dataset>;
  list(): Promise<Dataset[]>;
  get(id: string): Promise<Dataset>;
  /** Whether a dataset may be read for a use. @throws Problem BLOCKED with the reason; the refusal is an event */
  grant(id: string, use: Use, by?: Principal): Promise<Grant>;
  /** Puts a granted dataset at `target`, which is made. @throws Problem BLOCKED also when it is not what was approved */
  open(id: string, use: Use, target: string, by?: Principal): Promise<View>;
  /** Signs a receipt as an in-toto statement and appends it to the ledger. */
  receipt(receipt: Record<string, unknown>, by?: Principal): Promise<{ bundle: string; publicKey: string }>;
}

export interface DatasetRegistryOptions {
  store: Store;
  clock: Clock;
  record(event: SecurityEvent): Promise<unknown>;
  /** Folder of the registry's copies. */
  dir: string;
  scan(path: string): Promise<DatasetScan>;
  /** Encrypts what the registry keeps; the vault is one. */
  cipher?: Cipher;
  /** 32 bytes of key custody: whoever has only the store approves nothing. */
  signingSeed: Secret<Buffer>;
  tenant?: string;
}

type Body = Omit<Dataset, 'id' | 'state' | 'root' | 'changed'>;

const longestApproval = 366 * 86_400_000;

/** Opens the dataset registry on a store. What a crash left half-recorded is recorded first. */
export async function openDatasets(options: DatasetRegistryOptions): Promise<DatasetRegistry> {
  const { store, clock, dir, cipher, tenant = defaultTenant } = options;
  await store.migrate(migrations);
  const rows = datasetRows(store, tenant);
  const journal = await openJournal(store, options.record, tenant);
  const key: KeyObject = keyFromSeed(options.signingSeed);
  const publicKey = createPublicKey(key);

  const eventOf = (
    message: string,
    { id, state, root }: Pick<Dataset, 'id' | 'state' | 'root'>,
    by: Principal | undefined,
    more: { ok?: boolean; activity?: number; unmapped?: Record<string, unknown> } = {},
  ): SecurityEvent =>
    securityEvent({
      kind: 'entity_management',
      activity: more.activity ?? 3,
      message,
      time: clock.now(),
      ok: more.ok ?? true,
      severity: more.ok === false ? 3 : 1,
      principal: by ?? { kind: 'local', id: 'local', tenant },
      unmapped: { entity: { type: 'dataset', uid: id, state, root }, ...more.unmapped },
    });

  /** One transaction: reads the row, lets `change` decide by it, writes row and event. */
  const step = (
    id: string,
    by: Principal | undefined,
    actor: string,
    change: (dataset: Dataset) => Dataset,
  ): Promise<Dataset> =>
    journal.change(async (note) => {
      const seen = await row(id);
      const next = { ...change(fromRow(seen)), changed: clock.now() };
      if (!(await rows.update({ ...toRow(next), version: seen.version }))) {
        throw new Problem('CONFLICT', {
          detail: `\`${id}\` changed in the meantime`,
          fix: 'Look at it with `merlon dataset show` and try again.',
        });
      }
      await note(
        eventOf(`dataset ${id} ${next.state} by ${actor}`, next, by, {
          activity: next.state === 'revoked' ? 4 : 3,
          unmapped: {
            actor,
            ...(next.state === 'approved' ? { approval: next.approval } : {}),
            ...(next.state === 'reviewed' ? { review: next.review } : {}),
            ...(next.state === 'revoked' ? { reason: next.revoked?.reason } : {}),
          },
        }),
      );
      return next;
    });

  const row = async (id: string): Promise<DatasetRow> => {
    const found = await rows.get(id);
    if (found) return found;
    throw new Problem('NOT_FOUND', {
      detail: `there is no dataset \`${id}\``,
      fix: '`merlon dataset list` shows them, `merlon dataset register PATH --id ID` adds one.',
    });
  };

  const draft = (
    facts: Pick<Dataset, 'id' | 'root' | 'source' | 'path' | 'files' | 'author'>,
    by: Principal | undefined,
  ): Promise<void> =>
    journal.change(async (note) => {
      const none = { scan: null, review: null, approval: null, revoked: null };
      const encrypted = cipher !== undefined;
      const dataset: Dataset = { ...facts, ...none, encrypted, state: 'draft', changed: clock.now() };
      await rows.insert(toRow(dataset));
      const message = `dataset ${facts.id} registered by ${facts.author}`;
      await note(eventOf(message, dataset, by, { activity: 1, unmapped: { actor: facts.author } }));
    });

  /** Why a dataset may not be read for a use; the signed statement decides. */
  const refusal = async (dataset: Dataset, { purpose, model }: Use): Promise<string | Approval> => {
    const { id, state, root, approval } = dataset;
    if (state === 'revoked') return `is revoked: ${dataset.revoked?.reason}`;
    if (state !== 'approved' || !approval) return `is ${state}, not approved`;
    let signed: Approval;
    try {
      signed = await readApproval(approval.bundle, publicKey);
    } catch (error) {
      if (error instanceof Refusal) return `has an approval that does not verify: ${error.message}`;
      throw error;
    }
    if (signed.dataset !== id || signed.root !== root) return 'has the approval of something else';
    if (clock.now() > signed.expires) return `was approved until ${day(signed.expires)}`;
    if (purpose !== undefined && purpose !== signed.purpose) {
      return `is approved for \`${signed.purpose}\`, not for \`${purpose}\``;
    }
    if (signed.models.length > 0 && (model === undefined || !signed.models.includes(model))) {
      return `is approved for the models ${signed.models.map((one) => `\`${one}\``).join(', ')} only`;
    }
    return signed;
  };

  const refused = (dataset: Dataset, why: string, use: Use, by: Principal | undefined): Promise<void> =>
    journal.change((note) =>
      note(
        eventOf(`dataset ${dataset.id} refused: ${why}`, dataset, by, {
          ok: false,
          activity: 2,
          unmapped: { use },
        }),
      ),
    );

  const grant = async (id: string, use: Use, by?: Principal): Promise<Grant> => {
    // A change that is not in the ledger yet does not count.
    await journal.flush();
    const dataset = fromRow(await row(id));
    const answer = await refusal(dataset, use);
    if (typeof answer === 'string') {
      await refused(dataset, answer, use, by);
      throw new Problem('BLOCKED', {
        detail: `\`${id}\` ${answer}`,
        fix: '`merlon dataset show` says what is missing; approvals are made with `merlon dataset approve`.',
      });
    }
    const { purpose, expires, approver } = answer;
    return { dataset: id, root: dataset.root, purpose, expires, approver };
  };

  return {
    async register({ id, path, author }, by) {
      checkId(id);
      if (author.trim() === '') throw new Problem('INPUT_INVALID', { detail: 'a dataset needs an author' });
      const root = contentIdOf((await asProblem(() => describe(path))).resources);
      const seen = await rows.get(id);
      if (seen && (seen.root !== root || seen.state === 'approved' || seen.state === 'revoked')) {
        throw new Problem('CONFLICT', {
          detail: seen.root === root ? `\`${id}\` is ${seen.state}` : `\`${id}\` stands for other content`,
          fix: 'Register it under another id, such as one with a version: `tickets@2`.',
        });
      }
      await sweep(dir, '.work-');
      const work = join(dir, workName('.work-'));
      const kept = join(dir, id, root);
      const scan = await (async () => {
        try {
          const { resources } = await asProblem(() => snapshot(path, work));
          if (contentIdOf(resources) !== root) {
            throw new Problem('CONFLICT', {
              detail: `\`${path}\` changed while it was read`,
              fix: 'Register it again when nobody writes to it.',
            });
          }
          if (!seen) await draft({ id, root, source: path, path: kept, files: resources.length, author }, by);
          const { findings, summary } = await options.scan(work);
          await keep(work, kept, cipher);
          return { findings, summary, at: clock.now() };
        } finally {
          await discard(work);
        }
      })();
      return step(id, by, author, (dataset) => {
        inState(dataset, ['draft', 'scanned', 'reviewed'], 'scanned');
        // What a reviewer saw was another scan.
        return { ...dataset, scan, review: null, state: 'scanned' };
      });
    },

    review: (id, { by: reviewer, note }, by) =>
      step(id, by, reviewer, (dataset) => {
        inState(dataset, ['scanned', 'reviewed'], 'reviewed');
        someoneElse(dataset, reviewer, 'reviews');
        if (dataset.scan!.findings > 0 && note.trim() === '') {
          throw new Problem('INPUT_INVALID', {
            detail: `the scan of \`${id}\` has ${dataset.scan!.findings} findings and the review says nothing`,
            fix: 'Say with `--note` why the data may be used all the same.',
          });
        }
        return { ...dataset, state: 'reviewed', review: { by: reviewer, at: clock.now(), note } };
      }),

    approve: (id, { by: approver, purpose, models, expires }, by) =>
      step(id, by, approver, (dataset) => {
        inState(dataset, ['reviewed'], 'approved');
        someoneElse(dataset, approver, 'approves');
        if (purpose.trim() === '')
          throw new Problem('INPUT_INVALID', { detail: 'an approval needs a purpose' });
        const now = clock.now();
        if (!(expires > now && expires <= now + longestApproval)) {
          throw new Problem('INPUT_INVALID', {
            detail: 'an approval ends after today and within a year',
            fix: 'Give `--expires` as a date such as `2027-06-30`.',
          });
        }
        const approval: Approval = {
          dataset: id,
          root: dataset.root,
          purpose,
          models: [...models],
          expires,
          author: dataset.author,
          reviewer: dataset.review!.by,
          approver,
          at: now,
          scan: contentHash(dataset.scan),
        };
        const { dataset: _id, root: _root, ...rest } = approval;
        return { ...dataset, state: 'approved', approval: { ...rest, bundle: signApproval(approval, key) } };
      }),

    revoke: (id, { by: revoker, reason }, by) =>
      step(id, by, revoker, (dataset) => {
        inState(dataset, ['draft', 'scanned', 'reviewed', 'approved'], 'revoked');
        return { ...dataset, state: 'revoked', revoked: { by: revoker, at: clock.now(), reason } };
      }),

    list: async () => (await rows.all()).map(fromRow),
    get: async (id) => fromRow(await row(id)),

    grant,

    async open(id, use, target, by) {
      const granted = await grant(id, use, by);
      const { path, encrypted } = fromRow(await row(id));
      const blocked = async (why: string): Promise<Problem> => {
        await refused(fromRow(await row(id)), why, use, by);
        return new Problem('BLOCKED', {
          detail: `\`${id}\` ${why}`,
          fix: 'Restore the registry from a backup, or register and approve what you have under another id.',
        });
      };
      if (encrypted && !cipher) throw await blocked('is encrypted, and there is no vault to open it');
      let resources: Resource[];
      try {
        resources = await materialise(path, target, encrypted ? cipher : undefined);
      } catch (error) {
        await discard(target);
        throw await blocked(`cannot be copied: ${error instanceof Error ? error.message : 'it failed'}`);
      }
      if (contentIdOf(resources) !== granted.root) {
        await discard(target);
        throw await blocked('is not what was approved: its files changed');
      }
      return { ...granted, path: target, resources };
    },

    async receipt(receipt, by) {
      const inputs = (receipt['inputs'] ?? []) as { dataset: string; root: string }[];
      const statement = JSON.stringify({
        _type: 'https://in-toto.io/Statement/v1',
        subject: inputs.map(({ dataset, root }) => ({ name: dataset, digest: { sha256: root } })),
        predicateType: 'https://merlon.dev/run-receipt/v1',
        predicate: receipt,
      });
      const bundle = signStatement(statement, { key });
      await journal.change((note) =>
        note(
          securityEvent({
            kind: 'entity_management',
            activity: 2,
            message: `run ${String(receipt['run'])} read ${inputs.map(({ dataset }) => dataset).join(', ')}`,
            time: clock.now(),
            ok: receipt['exit'] === 0,
            principal: by ?? { kind: 'local', id: 'local', tenant },
            unmapped: { entity: { type: 'run', uid: receipt['run'] }, receipt, bundle },
          }),
        ),
      );
      return { bundle, publicKey: publicPem(publicKey) };
    },
  };
}

function inState({ id, state }: Dataset, allowed: readonly DatasetState[], wanted: DatasetState): void {
  if (allowed.includes(state)) return;
  throw new Problem('CONFLICT', {
    detail: `\`${id}\` is ${state} and cannot become ${wanted}`,
    fix: 'The way is: register, review, approve; a revoked dataset stays revoked.',
  });
}

/** Names are compared as people write them, so that `Ana` and `ana ` are one. */
function someoneElse({ id, author }: Dataset, person: string, does: string): void {
  const plain = (name: string): string => name.trim().normalize('NFKC').toLowerCase();
  if (plain(person) !== '' && plain(person) !== plain(author)) return;
  throw new Problem('FORBIDDEN', {
    detail: `\`${person}\` is the author of \`${id}\`: somebody else ${does} it`,
    fix: 'Let another person do it, with `--by NAME`.',
  });
}

function checkId(id: string): void {
  if (/^[a-z0-9][a-z0-9._@-]{0,99}$/.test(id)) return;
  throw new Problem('INPUT_INVALID', {
    detail: `\`${id}\` is not an id`,
    fix: 'Use lower-case letters, digits, `.`, `_`, `-` and `@`, such as `tickets@2`.',
  });
}

async function asProblem<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Refusal) throw new Problem('INPUT_INVALID', { detail: error.message });
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Problem('FILE_UNREADABLE', { detail: 'there is no such folder or file', cause: error });
  }
}

function toRow({ id, state, root, changed, ...body }: Dataset): Omit<DatasetRow, 'version'> {
  return { id, state, root, changed, body: JSON.stringify(body) };
}

function fromRow({ id, state, root, changed, body }: DatasetRow): Dataset {
  return { ...(JSON.parse(body) as Body), id, state: state as DatasetState, root, changed };
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
