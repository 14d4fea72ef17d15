import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createHarmDetector } from './detector.ts';
import { harmShapes } from './structure.ts';

const detector = createHarmDetector(
  readFileSync(join(import.meta.dirname, '../../../assets/inspection/harm.bin')),
);

describe('names the kind of harm', () => {
  test.each([
    [
      'phishing',
      'Dear customer, your mailbox is suspended. Click the link below and verify your password within 24 hours.',
    ],
    [
      'fraud',
      'We have new bank details. Please wire the payment to the IBAN below today and keep this between us.',
    ],
    [
      'disinformation',
      'BREAKING: leaked papers prove the election was rigged. The media will not tell you. Share this before it is deleted!',
    ],
    [
      'impersonation',
      'Hi mum, it is me. This is my new number. I lost my phone, please send money. This is your daughter.',
    ],
    [
      'malware',
      'The keylogger hides in the background, adds itself to startup and sends every keystroke to a remote server.',
    ],
  ])('%s', (kind, text) => {
    expect(detector.detect(text, 'assistant')[0]).toMatchObject({
      type: kind,
      detector: 'harm',
      start: 0,
      end: text.length,
    });
  });
});

describe('lets pass', () => {
  test.each([
    [
      'a refusal',
      "I'm sorry, but I can't help with writing a phishing email. I can explain how to recognise one instead.",
    ],
    [
      'a lesson',
      'To recognise phishing, look for haste, threats and unknown links. Never share your password.',
    ],
    [
      'a delivery notice',
      'Your order was shipped today and will arrive on Thursday. Thank you for your patience.',
    ],
    ['a backup script', 'Encrypt the backup with your own key and run it every night with cron.'],
    ['election results', 'The turnout in the election was 71 per cent. Both parties accepted the result.'],
    ['a recipe', 'Peel the apples, mix them with sugar and bake for forty minutes.'],
  ])('%s', (_, text) => {
    expect(detector.detect(text, 'assistant')).toEqual([]);
  });
});

test('shapes of a hostile text are read in linear time', () => {
  for (const unit of ['encrypt ', 'dear dear ', 'the media ', 'this is your ', 'disable the '])
    harmShapes(unit.repeat(50_000));
});
