import { expect, test } from 'vitest';
import { factText } from './facts.ts';

test.each([
  [true, 'yes'],
  [0, '0'],
  ['external_write', 'external write'],
  [[], 'none'],
  [['ticket', 'kb'], 'ticket, kb'],
  [{ confidential: ['ticket'], restricted: [] }, 'confidential: ticket; restricted: none'],
  [undefined, 'not said'],
])('%j reads %s', (value, text) => {
  expect(factText(value)).toBe(text);
});
