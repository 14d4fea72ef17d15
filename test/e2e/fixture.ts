import { createReadStream, existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { extname, join, resolve } from 'node:path';
import type {
  Decisions,
  EvidenceAnswer,
  LedgerAnswer,
  ModelAnswer,
  Plan,
  Receipt,
  System,
  ThreatsAnswer,
  VerifyMessage,
} from '../../console/src/api/types.ts';
import { toBase64 } from '../../src/ledger/proof/base64.ts';
import { checkpointText, keyIdOf, publicKeyToPem, signedNote } from '../../src/ledger/proof/checkpoint.ts';
import { leafHash, nodeHash } from '../../src/ledger/proof/proof.ts';
import * as data from './fixture-data.ts';

const dist = resolve(import.meta.dirname, '../../console/dist');

/** The policy under which the console must work. The real control plane sends the same. */
export const contentSecurityPolicy =
  "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

export interface Fixture {
  url: string;
  /** A fresh one-time sign-in link. */
  link(): string | Promise<string>;
  /** Lets one more exchange be decided; every open stream hears of it. */
  sendTraffic(): Promise<void>;
  close(): Promise<void>;
}

/** A control plane with made-up contents and real cryptography: the console cannot tell it from `merlon up`. */
export async function startFixture({ cases = 12, caseMs = 15 } = {}): Promise<Fixture> {
  const now = Date.now();
  const sessions = new Set<string>();
  const tokens = new Set<string>();
  const listeners = new Set<(exchange: unknown) => void>();
  const exchanges = Array.from({ length: 24 }, (_, index) =>
    data.exchange(index, now - (24 - index) * 21_000),
  ).reverse();
  const ledger = openLog();
  for (const one of exchanges.toReversed()) ledger.append(one.id, one.action, one.at);
  let observed = data.observed(now);
  let approvals = data.approvals(now);
  let keys = data.clientKeys(now);
  let evidence = data.evidence(now);

  const system = (): System => ({
    system: { id: 'support-copilot', name: 'Support copilot' },
    mode: 'enforce',
    plan: data.hashOf('plan'),
    model: data.hashOf(data.modelText),
    file: 'examples/support-copilot/threat-model.yaml',
    dataPlane: 'http://localhost:4000',
    upstream: { provider: 'victim', kind: 'victim' },
    started: now,
    version: '0.1.0',
    counts: {
      elements: data.model.elements.length,
      flows: data.model.flows.length,
      threats: data.threats.length,
      controls: data.controls.filter((control) => control.bindings.length > 0).length,
      open: data.threats.filter((threat) => threat.status === 'open').length,
      verified: data.threats.filter((threat) => threat.status === 'verified').length,
    },
    worst: data.worst,
  });

  const answers: Record<string, (request: IncomingMessage, body: unknown) => unknown> = {
    'GET /api/session': () => ({ principal: { id: 'owner', kind: 'person' } }),
    'GET /api/system': system,
    'GET /api/model': (): ModelAnswer => ({
      file: 'examples/support-copilot/threat-model.yaml',
      text: data.modelText,
      hash: data.hashOf(data.modelText),
      model: data.model,
      facts: data.facts,
      observed,
    }),
    'POST /api/model/observed': (_, body) => {
      const { name } = body as { name: string };
      observed = observed.filter((one) => one.name !== name);
      return { hash: data.hashOf(name) };
    },
    'GET /api/threats': (): ThreatsAnswer => ({ plan: data.hashOf('plan'), threats: data.threats }),
    'GET /api/rules': () => ({ rules: [] }),
    'GET /api/plan': () => plan(),
    'GET /api/controls': () => ({ controls: data.controls }),
    'GET /api/traffic': () => ({ exchanges }),
    'GET /api/drift': () => ({ drift: observed }),
    'GET /api/approvals': () => ({ approvals }),
    'GET /api/keys': () => ({ keys }),
    'POST /api/keys': (_, body) => {
      const { client } = body as { client: string };
      const id = randomBytes(4).toString('hex');
      keys = [{ id, client, env: 'live', created: Date.now() }, ...keys];
      return { id, client, key: `mrl_live_${id}_${randomBytes(18).toString('hex')}_0000` };
    },
    'GET /api/ledger': (): LedgerAnswer => ledger.head(),
    'GET /api/evidence': (): EvidenceAnswer => ({
      plan: data.hashOf('plan'),
      probes: evidence,
      missing: data.missingProbes,
      residual: data.residual,
    }),
    'GET /api/report': () => ({ report: true }),
  };

  const server = createServer((request, response) => void handle(request, response));

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const session = /merlon=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
    const body = await bodyOf(request);
    const operation = `${request.method} ${url.pathname}`;
    if (operation === 'POST /api/session') {
      const { token } = body as { token: string };
      if (!tokens.delete(token))
        return problem(
          response,
          401,
          'UNAUTHENTICATED',
          'this link was used already, or never existed',
          'Restart Merlon to get a new one.',
        );
      const id = randomBytes(16).toString('hex');
      sessions.add(id);
      response.setHeader('set-cookie', `merlon=${id}; Path=/; HttpOnly; SameSite=Strict`);
      return json(response, { principal: { id: 'owner', kind: 'person' } });
    }
    if (!url.pathname.startsWith('/api/') && !url.pathname.startsWith('/receipts/'))
      return file(response, url.pathname);
    if (session === undefined || !sessions.has(session)) {
      return problem(
        response,
        401,
        'UNAUTHENTICATED',
        'there is no session',
        'Open the sign-in link that `npm start` printed.',
      );
    }
    if (operation === 'DELETE /api/session') {
      sessions.delete(session);
      response.writeHead(204).end();
      return;
    }
    if (operation === 'GET /api/traffic/stream') return stream(response);
    if (operation === 'POST /api/verify') return verify(response, (body as { only?: string[] }).only);
    if (operation.startsWith('DELETE /api/keys/')) {
      const id = url.pathname.split('/').pop();
      keys = keys.map((key) => (key.id === id ? { ...key, revoked: Date.now() } : key));
      response.writeHead(204).end();
      return;
    }
    if (operation.startsWith('POST /api/approvals/')) {
      const id = url.pathname.split('/').pop();
      const { decision } = body as { decision: 'approved' | 'denied' };
      approvals = approvals.map((one) =>
        one.id === id ? { ...one, state: decision, decided: Date.now() } : one,
      );
      return json(response, {});
    }
    if (operation.startsWith('GET /receipts/')) {
      const receipt = receiptOf(decodeURIComponent(url.pathname.split('/').pop()!));
      return receipt
        ? json(response, receipt)
        : problem(response, 404, 'NOT_FOUND', 'there is no such receipt');
    }
    const answer = answers[operation];
    if (!answer) return problem(response, 404, 'NOT_FOUND', `there is no \`${operation}\``);
    json(response, answer(request, body));
  }

  function receiptOf(id: string): Receipt | undefined {
    const one = exchanges.find((exchange) => exchange.id === id);
    if (!one) return undefined;
    const ran = data.controls.filter((control) => control.point === 'message' && control.bindings.length > 0);
    return {
      id,
      at: one.at,
      decision: one.action,
      plan: data.hashOf('plan'),
      flow: one.flow,
      threats: one.threats,
      controls: ran.map((control) => ({
        id: control.id,
        action: one.findings.some((finding) => finding.control === control.id) ? one.action : 'allow',
      })),
      ...ledger.prove(id),
    };
  }

  function stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(': open\n\n');
    const tell = (exchange: unknown) => response.write(`data: ${JSON.stringify(exchange)}\n\n`);
    listeners.add(tell);
    response.on('close', () => listeners.delete(tell));
  }

  async function verify(response: ServerResponse, only?: string[]): Promise<void> {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    const tell = (message: VerifyMessage) => response.write(`data: ${JSON.stringify(message)}\n\n`);
    const asked = evidence.filter((one) => !only || only.includes(one.probe));
    tell({ kind: 'start', probes: asked.length, cases: asked.length * cases });
    for (const one of asked) {
      for (let place = 0; place < cases && !response.destroyed; place += 1) {
        const result = place % 2 === 0 ? 'had its effect' : 'stopped';
        tell({
          kind: 'case',
          probe: one.probe,
          name: `case ${place}`,
          phase: place % 2 === 0 ? 'off' : 'on',
          result,
        });
        await new Promise((done) => setTimeout(done, caseMs));
      }
      const fresh = {
        ...one,
        at: Date.now(),
        status: one.status === 'stale' ? 'verified' : one.status,
      } as const;
      evidence = evidence.map((old) => (old.probe === one.probe ? fresh : old));
      tell({ kind: 'probe', evidence: fresh });
    }
    tell({ kind: 'done', summary: {} });
    response.end();
  }

  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  return {
    url,
    link() {
      const token = randomBytes(24).toString('base64url');
      tokens.add(token);
      return `${url}/signin#${token}`;
    },
    sendTraffic() {
      const next = data.exchange(exchanges.length, Date.now());
      exchanges.unshift(next);
      ledger.append(next.id, next.action, next.at);
      for (const tell of listeners) tell(next);
      return Promise.resolve();
    },
    close() {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

function plan(): Plan {
  return {
    schema: 'merlon-plan/v1',
    hash: data.hashOf('plan'),
    system: { id: 'support-copilot', name: 'Support copilot' },
    model: data.hashOf(data.modelText),
    mode: 'enforce',
    elements: [],
    routes: [
      { flow: 'prompt', client: 'bot', model: 'llm', upstream: { provider: 'victim' }, mode: 'enforce' },
    ],
    flows: [],
    tools: [],
    inspectors: [],
    clamps: [],
    access: [],
    detections: [],
    probes: [],
  };
}

/** A log of one run: an RFC 6962 tree over its entries, signed with a key of its own. */
function openLog() {
  const pair = generateKeyPairSync('ed25519');
  const publicKey = new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32));
  const origin = 'fixture.test/ledger';
  const texts: string[] = [];
  const ids: string[] = [];
  const leaves = () => texts.map((text) => leafHash(new TextEncoder().encode(text)));
  const checkpoint = (): string => {
    const text = checkpointText({ origin, size: texts.length, root: new Uint8Array(rootOf(leaves())) });
    const signature = new Uint8Array(sign(null, Buffer.from(text), pair.privateKey));
    return signedNote(text, { name: origin, keyId: keyIdOf(origin, publicKey), signature });
  };
  return {
    append(id: string, action: keyof Decisions, time: number): void {
      ids.push(id);
      texts.push(JSON.stringify({ class_uid: 6003, time, disposition: action, metadata: { uid: id } }));
    },
    head: (): LedgerAnswer => ({
      size: texts.length,
      root: toBase64(rootOf(leaves())),
      checkpoint: checkpoint(),
      publicKey: publicKeyToPem(publicKey),
    }),
    prove(id: string): Pick<Receipt, 'entry' | 'proof' | 'checkpoint' | 'publicKey'> {
      const index = ids.indexOf(id);
      return {
        entry: {
          index,
          hash: toBase64(leaves()[index]!),
          text: texts[index]!,
          event: JSON.parse(texts[index]!) as Record<string, unknown>,
        },
        proof: { size: texts.length, index, hashes: pathOf(index, leaves()).map(toBase64) },
        checkpoint: checkpoint(),
        publicKey: publicKeyToPem(publicKey),
      };
    },
  };
}

type Hash = Uint8Array;

/** Largest power of two below n (RFC 6962 §2.1). */
function split(n: number): number {
  return 2 ** (31 - Math.clz32(n - 1));
}

function rootOf(leaves: readonly Hash[]): Hash {
  if (leaves.length === 1) return leaves[0]!;
  const k = split(leaves.length);
  return nodeHash(rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
}

function pathOf(index: number, leaves: readonly Hash[]): Hash[] {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...pathOf(index, leaves.slice(0, k)), rootOf(leaves.slice(k))]
    : [...pathOf(index - k, leaves.slice(k)), rootOf(leaves.slice(0, k))];
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text === '' ? {} : JSON.parse(text);
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, code: string, detail: string, fix?: string): void {
  response.writeHead(status, { 'content-type': 'application/problem+json' });
  response.end(JSON.stringify({ title: 'refused', status, code, detail, fix }));
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** A path that is no file is a page of the console. */
function file(response: ServerResponse, path: string): void {
  const asked = join(dist, path);
  const found =
    path !== '/' && asked.startsWith(dist) && existsSync(asked) ? asked : join(dist, 'index.html');
  response.writeHead(200, {
    'content-type': types[extname(found)] ?? 'application/octet-stream',
    'content-security-policy': contentSecurityPolicy,
  });
  createReadStream(found).pipe(response);
}
