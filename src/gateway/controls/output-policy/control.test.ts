import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHarmDetector } from '../../../inspection/harm/detector.ts';
import type { ControlContext, MessageControl, Segment } from '../../../kernel/control.ts';
import type { Surface } from '../../../kernel/finding.ts';
import { control as plain } from './control.ts';
import { heldForLinks, removeLinks } from './links.ts';
import { probes } from './probe.ts';

const control = plain as MessageControl;
const detector = createHarmDetector(
  readFileSync(join(import.meta.dirname, '../../../../assets/inspection/harm.bin')),
);

function freshContext(): ControlContext {
  return {
    services: { inspect: (text: string, surface: Surface) => detector.detect(text, surface) },
    memo: new Map(),
  } as unknown as ControlContext;
}

function segment(text: string, phase: 'request' | 'answer' = 'answer'): Segment {
  return {
    pointer: '/choices/0/message/content',
    surface: 'assistant',
    text,
    label: { trust: 1, classes: [] },
    phase,
  };
}

const settings = control.settings.parse({ allowedHosts: ['docs.example.com'] });

async function verdictOn(text: string, override = {}, phase: 'request' | 'answer' = 'answer') {
  return control.inspect(segment(text, phase), { ...settings, ...override }, freshContext());
}

async function cleaned(text: string, override = {}): Promise<string> {
  const verdict = await verdictOn(text, override);
  return 'text' in verdict ? verdict.text : text;
}

/** What a lane of the gateway does with a window of 0. */
async function streamed(chunks: readonly string[]): Promise<string> {
  const context = freshContext();
  let delivered = '';
  let pending = '';
  for (const [index, chunk] of chunks.entries()) {
    pending += chunk;
    const held = index === chunks.length - 1 ? 0 : control.stream!.hold(pending, settings, context);
    const ready = pending.slice(0, pending.length - held);
    if (ready === '') continue;
    pending = pending.slice(ready.length);
    const verdict = await control.inspect(segment(ready), settings, context);
    delivered += 'text' in verdict ? verdict.text : ready;
  }
  return delivered;
}

const [links] = probes as [(typeof probes)[0]];
const asText = (one: unknown): string => (one as string).replaceAll('{canary}', 'mrl7f3a91c2');

describe('links', () => {
  test.each(Object.entries(links.attacks))('removes: %s', async (_, text) => {
    expect(await cleaned(asText(text))).not.toMatch(/collect\.example|javascript:|<script|onerror/i);
  });

  test.each(Object.entries(links.harmless))('leaves: %s', async (_, text) => {
    expect(await cleaned(asText(text))).toBe(text);
  });

  test.each(Object.entries(links.attacks))('removes one unit at a time: %s', async (_, text) => {
    expect(await streamed(asText(text).split(''))).not.toMatch(
      /collect\.example|javascript:|<script|onerror/i,
    );
  });

  test.each(Object.entries(links.harmless))('leaves one unit at a time: %s', async (_, text) => {
    expect(await streamed(asText(text).split(''))).toBe(text);
  });
});

test('no part of a refused address goes out, however the stream is cut', async () => {
  const text = Object.values(links.attacks).map(asText).join(' Then we went on.\n');
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(text.length), { maxLength: 60 }), async (cuts) => {
      const sorted = [...cuts].sort((left, right) => left - right);
      const chunks = [...sorted, text.length].map((cut, i) => text.slice(i === 0 ? 0 : sorted[i - 1], cut));
      const out = await streamed(chunks);
      expect(out).not.toMatch(/collect\.example|<script|onerror/i);
      expect(out).toContain('Then we went on.');
    }),
    { numRuns: 60 },
  );
});

test('leaves no refused address in the text, whatever surrounds it', () => {
  fc.assert(
    fc.property(fc.string(), fc.domain(), fc.string(), (before, domain, after) => {
      const { text } = removeLinks(`${before}![](https://${domain}/)${after}`, {
        allowedHosts: [],
        keepActiveMarkup: true,
      });
      expect(text).not.toContain(`](https://${domain}`);
    }),
  );
});

test('findings point into the text as given', () => {
  const text = 'Look: https://a.example/x and [b](https://b.example).';
  const { findings } = removeLinks(text, { allowedHosts: [], keepActiveMarkup: false });
  expect(findings.map(({ start, end }) => text.slice(start, end))).toEqual([
    'https://a.example/x',
    'https://b.example',
  ]);
});

test('ordinary prose waits for nothing', () => {
  for (const text of [
    'The weather is fine today.',
    'Here is how it works',
    'We agreed, and ',
    'Really? Yes!',
  ])
    expect(heldForLinks(text)).toBe(0);
});

test('a link waits, but not for ever', () => {
  expect(heldForLinks('see https://docs.exam')).toBeGreaterThan(0);
  expect(heldForLinks(`see https://docs.example/${'a'.repeat(10_000)}`)).toBe(0);
});

test('a hostile text of markup beginnings is read in one pass', () => {
  for (const unit of ['<a ', '](', '&#', 'http:', '[', 'www.', "='/", ':// ']) {
    const text = unit.repeat(Math.floor(200_000 / unit.length));
    removeLinks(text, { allowedHosts: [], keepActiveMarkup: false });
    heldForLinks(text);
  }
});

test('what an earlier answer said is not judged again', async () => {
  expect((await verdictOn('https://collect.example/x', {}, 'request')).action).toBe('allow');
});

test('reports links without touching the text when told to', async () => {
  expect((await verdictOn('https://collect.example/x', { links: 'alert' })).action).toBe('alert');
});

const phish =
  'Dear customer, we noticed unusual activity. Your account was suspended. Click the link below to verify your password within 24 hours, or it will be deleted.';

test('reports a phishing mail, and refuses it when told to', async () => {
  expect(await verdictOn(phish)).toMatchObject({ action: 'alert', findings: [{ type: 'phishing' }] });
  expect((await verdictOn(phish, { harm: 'block' })).action).toBe('block');
  expect((await verdictOn(phish, { harm: 'off' })).action).toBe('allow');
});

test('advice against phishing passes', async () => {
  const advice =
    'To recognise phishing, look for haste and threats. Never share your password, and call your bank if you are unsure.';
  expect((await verdictOn(advice)).action).toBe('allow');
});
