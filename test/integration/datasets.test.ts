import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { createSocket } from 'node:dgram';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../src/adapters/open-store.ts';
import { execute, type ExecRequest, type Run } from '../../src/data/exec/exec.ts';
import { openDatasets, type Dataset, type DatasetRegistry } from '../../src/data/registry/registry.ts';
import type { SecurityEvent } from '../../src/kernel/event.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { parseBundle } from '../../src/manifest/bundle.ts';
import { discard } from '../../src/manifest/snapshot.ts';
import type { Store } from '../../src/ports/store.ts';

// oxlint-disable-next-line typescript/no-explicit-any -- what a receipt holds is looked at in many ways
type Loose = any;

let base: string;
let store: Store;
let registry: DatasetRegistry;
let now = Date.UTC(2026, 10, 22);
let findings = 0;
let ledgerWorks = true;
let count = 0;
const events: SecurityEvent[] = [];
const day = 86_400_000;

const open = (seed = 7): Promise<DatasetRegistry> =>
  openDatasets({
    store,
    clock: { now: () => now },
    record: (event) => {
      if (!ledgerWorks) return Promise.reject(new Error('the ledger is full'));
      events.push(event);
      return Promise.resolve();
    },
    dir: join(base, 'registry'),
    scan: () => Promise.resolve({ findings, summary: { columns: 2 } }),
    signingSeed: new Secret(Buffer.alloc(32, seed)),
  });

beforeAll(async () => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'merlon-datasets-')));
  store = await openStore(`sqlite:${join(base, 'merlon.db')}`);
  registry = await open();
});
afterAll(async () => {
  await store.close();
  await discard(base);
});

async function registered(author = 'ana'): Promise<Dataset & { from: string }> {
  const id = `tickets-${(count += 1)}`;
  const from = join(base, id);
  mkdirSync(from);
  writeFileSync(join(from, 'train.csv'), `id,text\n1,approved ${id}\n`);
  return { ...(await registry.register({ id, path: from, author })), from };
}

async function approved(
  more: { purpose?: string; models?: string[] } = {},
): Promise<Dataset & { from: string }> {
  const dataset = await registered();
  await registry.review(dataset.id, { by: 'ben', note: 'looked' });
  const approval = { purpose: 'fine-tuning', models: [], expires: now + 30 * day, by: 'ben', ...more };
  return { ...dataset, ...(await registry.approve(dataset.id, approval)) };
}

describe('the registry', () => {
  test('leads a dataset from draft to approved, each step with its event', async () => {
    const { id } = await approved();
    expect(await registry.grant(id, { purpose: 'fine-tuning' })).toMatchObject({
      dataset: id,
      approver: 'ben',
    });
    const seen = events.filter((event) => (event.unmapped['entity'] as { uid: string }).uid === id);
    expect(seen.map((event) => (event.unmapped['entity'] as { state: string }).state)).toEqual([
      'draft',
      'scanned',
      'reviewed',
      'approved',
    ]);
  });

  test('lets nobody review or approve what is their own, however they write their name', async () => {
    const { id } = await registered('Ana');
    for (const by of ['Ana', ' ana ', 'ＡＮＡ', '']) {
      await expect(registry.review(id, { by, note: 'mine' })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
    await registry.review(id, { by: 'ben', note: '' });
    const approval = { purpose: 'p', models: [], expires: now + day, by: 'ANA' };
    await expect(registry.approve(id, approval)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  test('asks for every step, a purpose, an end, and words about findings', async () => {
    const { id } = await registered();
    const approval = { purpose: 'p', models: [], expires: now + day, by: 'ben' };
    await expect(registry.approve(id, approval)).rejects.toMatchObject({ code: 'CONFLICT' });
    findings = 3;
    await registry
      .register({ id, path: (await registry.get(id)).source, author: 'ana' })
      .finally(() => (findings = 0));
    await expect(registry.review(id, { by: 'ben', note: ' ' })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    await registry.review(id, { by: 'ben', note: 'test data only' });
    for (const wrong of [
      { purpose: ' ' },
      { expires: now - 1 },
      { expires: now + 400 * day },
      { expires: Number.NaN },
    ]) {
      await expect(registry.approve(id, { ...approval, ...wrong })).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
    }
    await registry.approve(id, approval);
  });

  test('grants for the purpose and the models of the approval, and until its end', async () => {
    const { id } = await approved({ models: ['support-model'] });
    const blocked = { code: 'BLOCKED' };
    await expect(registry.grant(id, {})).rejects.toMatchObject(blocked);
    await expect(registry.grant(id, { model: 'other' })).rejects.toMatchObject(blocked);
    await expect(
      registry.grant(id, { model: 'support-model', purpose: 'advertising' }),
    ).rejects.toMatchObject(blocked);
    await registry.grant(id, { model: 'support-model', purpose: 'fine-tuning' });
    now += 31 * day;
    await expect(registry.grant(id, { model: 'support-model' })).rejects.toMatchObject(blocked);
    now -= 31 * day;
    expect(events.at(-1)).toMatchObject({ status_id: 2, message: expect.stringContaining('refused') });
  });

  test('revoked is revoked', async () => {
    const { id, from } = await approved();
    await registry.revoke(id, { by: 'ana', reason: 'consent withdrawn' });
    await expect(registry.grant(id, {})).rejects.toMatchObject({ code: 'BLOCKED' });
    await expect(registry.register({ id, path: from, author: 'ana' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await expect(registry.review(id, { by: 'ben', note: 'x' })).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('believes the signed statement, not the row: who has only the store approves nothing', async () => {
    const { id, root } = await registered();
    const good = await approved();
    const body = JSON.stringify({
      ...(await registry.get(id)),
      approval: (await registry.get(good.id)).approval,
    });
    const write = store.prepare(
      "UPDATE dataset SET state = 'approved', body = @body WHERE tenant = 'default' AND id = @id",
    );
    await write.run({ id, body });
    await expect(registry.grant(id, {})).rejects.toMatchObject({
      code: 'BLOCKED',
      detail: expect.stringContaining('something else'),
    });
    await store
      .prepare("UPDATE dataset SET root = @root WHERE tenant = 'default' AND id = @id")
      .run({ id: good.id, root });
    await expect(registry.grant(good.id, {})).rejects.toMatchObject({ code: 'BLOCKED' });
    const other = await approved();
    await expect((await open(8)).grant(other.id, {})).rejects.toMatchObject({
      detail: expect.stringContaining('does not verify'),
    });
  });

  test('of two decisions at once, one happens', async () => {
    const { id } = await registered();
    await registry.review(id, { by: 'ben', note: '' });
    const approve = registry.approve(id, { purpose: 'p', models: [], expires: now + day, by: 'ben' });
    const again = registry.approve(id, { purpose: 'q', models: [], expires: now + day, by: 'eve' });
    const results = await Promise.allSettled([approve, again]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test('an approval whose event is not in the ledger opens nothing until it is', async () => {
    const { id } = await registered();
    await registry.review(id, { by: 'ben', note: '' });
    ledgerWorks = false;
    await expect(
      registry.approve(id, { purpose: 'p', models: [], expires: now + day, by: 'ben' }),
    ).rejects.toThrow('full');
    await expect(registry.grant(id, {})).rejects.toThrow('full');
    ledgerWorks = true;
    await (await open()).grant(id, {});
    expect(events.filter(({ message }) => message === `dataset ${id} approved by ben`)).toHaveLength(1);
  });
});

describe('exec', () => {
  let project: string;
  let secret: string;
  let dataset: Dataset & { from: string };
  const marker = 'UNAPPROVED-CONTENT';

  beforeAll(async () => {
    project = join(base, 'project');
    mkdirSync(project);
    secret = join(project, 'raw.csv');
    writeFileSync(secret, `${marker}\n`);
    dataset = await approved();
  });

  const run = async (
    command: string[],
    more: Partial<ExecRequest> = {},
  ): Promise<Run & { output: string; receiptOf: Loose }> => {
    let output = '';
    const result = await execute(registry, {
      datasets: [dataset.id],
      command,
      cwd: project,
      env: process.env,
      now: () => now,
      output: (chunk) => (output += chunk.toString()),
      ...more,
    });
    const statement = JSON.parse(parseBundle(result.receipt).payload.toString('utf8')) as {
      predicate: Loose;
    };
    return { ...result, output, receiptOf: statement.predicate };
  };
  const python = (code: string, more?: Partial<ExecRequest>) => run(['python3', '-c', code], more);
  const readAll = `
import os, sys
def attempt(path):
    try:
        print(open(path).read())
    except OSError as error:
        print("refused", error.errno)
`;

  test('reads what is approved, and writes a signed receipt of the run', async () => {
    writeFileSync(
      join(project, 'train.py'),
      'import merlon_data\nmerlon_data.verify(merlon_data.datasets()[0])\nprint(merlon_data.open(merlon_data.datasets()[0], "train.csv").read())\n(merlon_data.out() / "model.bin").write_text("weights")\n',
    );
    const { exit, output, enforcement, outputs, receiptOf } = await run(['python3', 'train.py']);
    expect(output).toContain(`approved ${dataset.id}`);
    expect([exit, enforcement]).toEqual([0, 'kernel']);
    expect(outputs).toEqual([{ path: 'model.bin', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
    expect(receiptOf).toMatchObject({
      inputs: [{ dataset: dataset.id, root: dataset.root }],
      purpose: 'fine-tuning',
      exit: 0,
      code: [{ path: join(project, 'train.py') }],
      enforcement: { level: 'kernel', network: true },
    });
    expect(events.at(-1)!.unmapped['entity']).toMatchObject({ type: 'run' });
  });

  test('leaves nothing behind but the output', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('merlon-run-'));
    await run(['true']);
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith('merlon-run-'));
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
  });

  const escapes: Record<string, () => Promise<{ output: string }>> = {
    'cat of another file': () => run(['cat', secret]),
    'cat of the place it was registered from': () =>
      run(['cat', join(dataset.from, 'train.csv')]).then((seen) => ({
        output: seen.output.replace('approved', marker),
      })),
    'dd and cp': () =>
      run(['sh', '-c', `dd if=${secret}; cp ${secret} "$MERLON_OUT/x" && cat "$MERLON_OUT/x"`]),
    'open in Python': () => python(`${readAll}\nattempt(${JSON.stringify('raw.csv')})`),
    'a symbolic link': () =>
      python(
        `${readAll}\nos.symlink(${JSON.stringify(secret)}, os.environ["MERLON_OUT"] + "/l")\nattempt(os.environ["MERLON_OUT"] + "/l")`,
      ),
    'a hard link': () =>
      python(
        `${readAll}\ntry:\n    os.link(${JSON.stringify(secret)}, os.environ["MERLON_OUT"] + "/h")\nexcept OSError as e: print(e)\nattempt(os.environ["MERLON_OUT"] + "/h")`,
      ),
    '/proc/self/cwd': () =>
      python(`${readAll}\nattempt("/proc/self/cwd/raw.csv")\nattempt("/proc/self/root${secret}")`),
    'a descriptor of the parent': () =>
      python(
        `${readAll}\nfor pid in (os.getppid(), 1):\n    attempt("/proc/%d/cwd/raw.csv" % pid)\n    attempt("/proc/%d/root${secret}" % pid)`,
      ),
    mmap: () =>
      python(
        `import mmap, os\ntry:\n    fd = os.open(${JSON.stringify(secret)}, os.O_RDONLY)\n    print(mmap.mmap(fd, 0, prot=mmap.PROT_READ)[:])\nexcept OSError as e: print(e)`,
      ),
    'a child process': () =>
      python(
        `import subprocess\nprint(subprocess.run(["cat", ${JSON.stringify(secret)}], capture_output=True, text=True))`,
      ),
    'a child in a session of its own': () =>
      python(
        `import subprocess\nprint(subprocess.run(["setsid", "sh", "-c", "cat ${secret}"], capture_output=True, text=True))`,
      ),
    'another runtime': () =>
      run([
        process.execPath,
        '-e',
        `try{console.log(require('fs').readFileSync(${JSON.stringify(secret)},'utf8'))}catch(e){console.log(e.code)}`,
      ]),
    'native code': () =>
      python(
        `import ctypes\nc = ctypes.CDLL(None)\nfd = c.open(${JSON.stringify(secret)}.encode(), 0)\nb = ctypes.create_string_buffer(64)\nc.read(fd, b, 64)\nprint(fd, b.value)`,
      ),
    'standard input': () => python('import sys\nprint(sys.stdin.read())'),
    'exchanging the link under its feet': () =>
      python(`
import os, threading
base = os.environ["MERLON_OUT"]
open(base + "/good", "w").write("good")
def flip():
    for i in range(2000):
        try:
            os.symlink(${JSON.stringify(secret)} if i % 2 else base + "/good", base + "/t")
            os.rename(base + "/t", base + "/f")
        except OSError: pass
thread = threading.Thread(target=flip); thread.start()
seen = set()
while thread.is_alive():
    try: seen.add(open(base + "/f").read())
    except OSError: pass
print(seen)`),
    'mounting over it': () =>
      run(['sh', '-c', `mount --bind ${dirname(secret)} "$MERLON_OUT" && cat "$MERLON_OUT/raw.csv"`]),
    'data that calls itself code by a link': () => {
      symlinkSync(secret, join(project, 'linked.py'));
      return python(`${readAll}\nattempt("linked.py")`);
    },
    'data with another name that is code': () => {
      linkSync(secret, join(project, 'hard.py'));
      return python(`${readAll}\nattempt("hard.py")`);
    },
  };
  test.each(Object.entries(escapes))('keeps the command from other data: %s', async (_name, escape) => {
    expect((await escape()).output).not.toContain(marker);
  });

  test('sends nothing anywhere: TCP, UDP, local sockets, and receives nothing', async () => {
    const server = await new Promise<Server>((done) => {
      const one = createServer((socket) => socket.end(marker));
      one.listen(0, '127.0.0.1', () => done(one));
    });
    const udp = createSocket('udp4');
    let heard = 0;
    udp.on('message', () => (heard += 1));
    await new Promise<void>((done) => udp.bind(0, '127.0.0.1', done));
    const local = createServer((socket) => socket.end(marker));
    await new Promise<void>((done) => local.listen(join(base, 'socket'), done));
    const { port } = server.address() as { port: number };
    const { output } = await python(`
import socket
for family, kind, address in ((2, 1, ("127.0.0.1", ${port})), (2, 2, ("127.0.0.1", ${udp.address().port})), (1, 1, ${JSON.stringify(join(base, 'socket'))})):
    try:
        s = socket.socket(family, kind); s.connect(address); s.send(b"x"); print(s.recv(100) if kind == 1 else "sent")
    except OSError as error: print("refused", error.errno)`);
    await new Promise((done) => server.close(done));
    await new Promise((done) => local.close(done));
    udp.close();
    expect(output.trim().split('\n')).toEqual(['refused 13', 'refused 13', 'refused 13']);
    expect(heard).toBe(0);
  });

  test('cannot write what it reads', async () => {
    const { output } = await python(`
import merlon_data, os
name = str(merlon_data.path(merlon_data.datasets()[0]) / "train.csv")
for act in (lambda: open(name, "a"), lambda: os.remove(name), lambda: os.chmod(name, 0o666) or open(name, "w"), lambda: os.rename(name, name + "x")):
    try: act(); print("done")
    except OSError as error: print("refused")`);
    expect(output.trim().split('\n')).toEqual(Array(4).fill('refused'));
  });

  test.each<[string, (id: string) => Promise<unknown>]>([
    ['is not approved', async () => undefined],
    ['is revoked', async (id) => registry.revoke(id, { by: 'ana', reason: 'no consent' })],
  ])('does not start when the dataset %s', async (why, change) => {
    const { id } = why === 'is revoked' ? await approved() : await registered();
    await change(id);
    await expect(run(['true'], { datasets: [id] })).rejects.toMatchObject({ code: 'BLOCKED' });
  });

  test('does not start for another purpose or after the end', async () => {
    await expect(run(['true'], { purpose: 'advertising' })).rejects.toMatchObject({ code: 'BLOCKED' });
    now += 40 * day;
    await expect(run(['true'])).rejects.toMatchObject({ code: 'BLOCKED' });
    now -= 40 * day;
  });

  test('does not start when the stored copy changed, has another name, or has more in it', async () => {
    const changes: ((folder: string) => void)[] = [
      (folder) => {
        chmodSync(join(folder, 'train.csv'), 0o644);
        writeFileSync(join(folder, 'train.csv'), marker);
      },
      (folder) => linkSync(join(folder, 'train.csv'), join(base, `other-${count}`)),
      (folder) => writeFileSync(join(folder, 'more.csv'), marker),
      (folder) => symlinkSync(secret, join(folder, 'link.csv')),
    ];
    for (const change of changes) {
      const { id, path } = await approved();
      chmodSync(path, 0o755);
      change(path);
      await expect(run(['true'], { datasets: [id] })).rejects.toMatchObject({ code: 'BLOCKED' });
    }
  });

  test('does not let old files in through the output folder', async () => {
    await expect(run(['true'], { out: project })).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('passes only the variables that are asked for', async () => {
    const env = { ...process.env, SMUGGLED: marker, WANTED: 'yes' };
    const { output } = await run(['env'], { env, passed: ['WANTED'] });
    expect(output).toContain('WANTED=yes');
    expect(output).not.toContain(marker);
  });

  test('takes no data for code', async () => {
    await expect(run(['true'], { code: ['raw.csv'] })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    writeFileSync(join(project, 'notes.txt'), 'words');
    expect((await run(['cat', 'notes.txt'])).output).not.toContain('words');
    const named = await run(['cat', 'notes.txt'], { code: ['notes.txt'] });
    expect(named.output).toContain('words');
    expect(named.receiptOf['code']).toContainEqual({
      path: join(project, 'notes.txt'),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test('says how the command ended', async () => {
    expect((await run(['sh', '-c', 'exit 7'])).exit).toBe(7);
    await expect(run(['no-such-program'])).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});
