import { expect, test } from 'vitest';
import { tokenIn } from './token.ts';

const token = 'Zx81_abc-DEF.0123456789';

test.each([
  `http://localhost:4100/signin#${token}`,
  `http://localhost:4100/signin?token=${token}`,
  `http://localhost:4100/signin#token=${token}`,
  `  ${token}\n`,
])('finds the token in %s', (pasted) => {
  expect(tokenIn(pasted)).toBe(token);
});

test.each(['', 'http://localhost:4100/signin', 'hello there', 'http://localhost:4100/signin?next=x'])(
  'finds none in "%s"',
  (pasted) => {
    expect(tokenIn(pasted)).toBeUndefined();
  },
);
