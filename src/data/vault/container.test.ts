import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { chunkBytes, sealedBytes, tagBytes } from './chunks.ts';
import { containerSize, headerBytes, layoutOf, readHeader, slotOffset } from './container.ts';
import { takeHeader } from './stream.ts';
import { memoryCustody } from './testing.ts';
import { openVault, type Vault } from './vault.ts';

const sizes = [
  0,
  1,
  15,
  16,
  17,
  chunkBytes - 1,
  chunkBytes,
  chunkBytes + 1,
  2 * chunkBytes,
  3 * chunkBytes + 7,
];

function vaultOn(custody = memoryCustody()): Promise<Vault> {
  return openVault({ custody, clock: { now: () => 1_700_000_000_000 }, record: async () => ({ id: 'e' }) });
}

const portable = { portable: true };

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
}

/** What comes out before the end or the first problem, and the problem. */
async function released(vault: Vault, container: Buffer): Promise<{ out: Buffer; problem: unknown }> {
  const parts: Uint8Array[] = [];
  try {
    const { chunks } = await vault.decryptStream(Readable.from([container]));
    for await (const chunk of chunks) parts.push(chunk);
    return { out: Buffer.concat(parts), problem: undefined };
  } catch (problem) {
    return { out: Buffer.concat(parts), problem };
  }
}

const damagedProblem = { name: 'Problem', code: 'OBJECT_DAMAGED' };

test('gives back what was sealed, at every size around a chunk', async () => {
  const vault = await vaultOn();
  for (const size of sizes) {
    const plain = randomBytes(size);
    const container = await vault.seal(plain, portable);
    expect(container).toHaveLength(containerSize(size));
    expect(layoutOf(container.length).plain).toBe(size);
    expect((await vault.open(container)).reveal().equals(plain)).toBe(true);
  }
});

test('does not care how the bytes come', async () => {
  const vault = await vaultOn();
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: 200_000 }),
      fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 5 }),
      async (size, cuts) => {
        const plain = randomBytes(size);
        const pieces = (bytes: Buffer): Buffer[] => {
          const cut: Buffer[] = [];
          for (let at = 0, n = 0; at < bytes.length; n += 1) {
            const next = at + cuts[n % cuts.length]!;
            cut.push(bytes.subarray(at, next));
            at = next;
          }
          return cut;
        };
        const { chunks } = await vault.encryptStream(Readable.from(pieces(plain)), portable);
        const container = await collect(chunks);
        expect(container).toHaveLength(containerSize(size));
        const again = await vault.decryptStream(Readable.from(pieces(container)));
        expect((await collect(again.chunks)).equals(plain)).toBe(true);
      },
    ),
    { numRuns: 25 },
  );
});

test('refuses every changed bit, and releases only whole chunks from before it', async () => {
  const vault = await vaultOn();
  const plain = randomBytes(2 * chunkBytes + 100);
  const container = await vault.seal(plain, portable);
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: container.length - 1 }), fc.nat({ max: 7 }), async (at, bit) => {
      const changed = Buffer.from(container);
      changed[at]! ^= 1 << bit;
      const { out, problem } = await released(vault, changed);
      expect(problem).toMatchObject({ name: 'Problem' });
      const chunk = at < headerBytes ? 0 : Math.floor((at - headerBytes) / sealedBytes);
      expect(out.equals(plain.subarray(0, chunk * chunkBytes))).toBe(true);
      await expect(vault.open(changed)).rejects.toMatchObject({ name: 'Problem' });
    }),
    { numRuns: 300 },
  );
});

test('refuses a change of any byte of the header', async () => {
  const vault = await vaultOn();
  const container = await vault.seal(Buffer.from('secret'), portable);
  for (let at = 0; at < headerBytes; at += 1) {
    const changed = Buffer.from(container);
    changed[at]! ^= 0x41;
    await expect(vault.open(changed), `byte ${at}`).rejects.toMatchObject({ name: 'Problem' });
  }
});

test('refuses an object that is cut off anywhere, also between chunks', async () => {
  const vault = await vaultOn();
  const plain = randomBytes(3 * chunkBytes);
  const container = await vault.seal(plain, portable);
  const between = [1, 2].map((n) => headerBytes + n * sealedBytes);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.constantFrom(0, headerBytes, ...between), fc.nat({ max: container.length - 1 })),
      async (end) => {
        const { out, problem } = await released(vault, container.subarray(0, end));
        expect(problem).toMatchObject({ name: 'Problem' });
        expect(out.equals(plain.subarray(0, out.length))).toBe(true);
        expect(out.length % chunkBytes).toBe(0);
        await expect(vault.open(container.subarray(0, end))).rejects.toMatchObject({ name: 'Problem' });
      },
    ),
    { numRuns: 60 },
  );
});

test('refuses chunks that were moved, doubled, dropped, appended or taken from elsewhere', async () => {
  const vault = await vaultOn();
  const plain = randomBytes(4 * chunkBytes);
  const container = await vault.seal(plain, portable);
  const other = await vault.seal(plain, portable);
  const header = container.subarray(0, headerBytes);
  const chunk = (n: number, from = container): Buffer =>
    from.subarray(headerBytes + n * sealedBytes, headerBytes + (n + 1) * sealedBytes);
  const [a, b, c, d] = [chunk(0), chunk(1), chunk(2), chunk(3)];
  const empty = (await vault.seal(Buffer.alloc(0), portable)).subarray(headerBytes);
  const forgeries: Record<string, Buffer[]> = {
    swapped: [header, b, a, c, d],
    doubled: [header, a, a, b, c, d],
    dropped: [header, a, c, d],
    'last first': [header, d, b, c, a],
    'last doubled': [header, a, b, c, d, d],
    'first appended': [header, a, b, c, d, a],
    'a byte appended': [header, a, b, c, d, Buffer.from([0])],
    'zeros appended': [header, a, b, c, d, Buffer.alloc(tagBytes)],
    'an empty chunk appended': [header, a, b, c, d, empty],
    'the header of another object': [other.subarray(0, headerBytes), a, b, c, d],
    'a chunk of another object': [header, a, chunk(1, other), c, d],
    'no chunk at all': [header],
  };
  for (const [name, parts] of Object.entries(forgeries)) {
    const forged = Buffer.concat(parts);
    await expect(vault.open(forged), name).rejects.toMatchObject(damagedProblem);
    const { out, problem } = await released(vault, forged);
    expect(problem, name).toMatchObject(damagedProblem);
    expect(out.equals(plain.subarray(0, out.length)), name).toBe(true);
  }
});

test('refuses a header whose parts come from two objects', async () => {
  const vault = await vaultOn();
  const [one, two] = [
    await vault.seal(Buffer.from('1'), portable),
    await vault.seal(Buffer.from('2'), portable),
  ];
  // The fixed part of one object, the recipients of another: the custodian is asked for another context.
  const recipients = Buffer.concat([one.subarray(0, slotOffset(0)), two.subarray(slotOffset(0))]);
  await expect(vault.open(recipients)).rejects.toMatchObject(damagedProblem);
  // And the other way round, with every part of the fixed part that could be exchanged alone.
  for (const [from, to] of [
    [16, 32],
    [32, 64],
    [64, 71],
    [72, 80],
    [96, 128],
  ] as const) {
    const mixed = Buffer.from(one);
    two.copy(mixed, from, from, to);
    if (!mixed.equals(one)) await expect(vault.open(mixed)).rejects.toMatchObject({ name: 'Problem' });
  }
});

test('commits to its key: another key that a custodian gives is refused before any chunk', async () => {
  const custody = memoryCustody();
  const container = await (await vaultOn(custody)).seal(Buffer.from('text'), portable);
  const { unwrap } = custody;
  custody.unwrap = async (...asked) => {
    (await unwrap(...asked)).reveal().fill(7);
    return { reveal: () => Buffer.alloc(32, 7) } as Awaited<ReturnType<typeof unwrap>>;
  };
  await expect((await vaultOn(custody)).open(container)).rejects.toMatchObject(damagedProblem);
});

test('never throws anything but a Problem on bytes from anywhere', async () => {
  const vault = await vaultOn();
  const container = await vault.seal(Buffer.from('x'), portable);
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 4000 }),
    fc.uint8Array({ maxLength: 3000 }).map((tail) => Buffer.concat([container.subarray(0, 12), tail])),
    fc
      .array(fc.tuple(fc.nat({ max: headerBytes - 1 }), fc.nat({ max: 255 })), {
        minLength: 1,
        maxLength: 12,
      })
      .map((edits) => {
        const changed = Buffer.from(container);
        for (const [at, value] of edits) changed[at] = value;
        return changed.equals(container) ? Buffer.alloc(0) : changed;
      }),
  );
  await fc.assert(
    fc.asyncProperty(bytes, async (input) => {
      await expect(vault.open(input)).rejects.toMatchObject({ name: 'Problem' });
    }),
    { numRuns: 300 },
  );
});

test('says what a file is when it is no container, and when it was carried as text', async () => {
  const vault = await vaultOn();
  await expect(vault.open(Buffer.from('PK\u0003\u0004 something else'))).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  });
  const container = await vault.seal(Buffer.from('x'), portable);
  const asText = Buffer.from(container.toString('latin1').replace(/\r\n/g, '\n'), 'latin1');
  await expect(vault.open(asText)).rejects.toThrow('carried as text');
});

test('uses another nonce prefix, salt and key for every object', async () => {
  const vault = await vaultOn();
  const seen = new Set<string>();
  for (let n = 0; n < 50; n += 1) {
    const container = await vault.seal(Buffer.from('the same text'), portable);
    const { bytes } = readHeader(container.subarray(0, headerBytes));
    for (const part of [
      bytes.subarray(16, 32),
      bytes.subarray(32, 64),
      bytes.subarray(64, 71),
      bytes.subarray(96),
    ]) {
      seen.add(part.toString('hex'));
    }
    seen.add(container.subarray(headerBytes).toString('hex'));
  }
  expect(seen.size).toBe(250);
});

test('takes a header off a stream in pieces, and closes a source that nobody reads to its end', async () => {
  const vault = await vaultOn();
  const container = await vault.seal(randomBytes(100), portable);
  let closed = false;
  async function* dribble(): AsyncGenerator<Buffer> {
    try {
      for (let at = 0; at < container.length; at += 100) yield container.subarray(at, at + 100);
    } finally {
      closed = true;
    }
  }
  const { header, rest } = await takeHeader(dribble());
  expect(header).toHaveLength(headerBytes);
  for await (const piece of rest) {
    expect(piece.length).toBeGreaterThan(0);
    break;
  }
  expect(closed).toBe(true);
});
