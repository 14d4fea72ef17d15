import { expect, test } from 'vitest';
import { roundedPath } from './path.ts';

test('rounds each corner, less where a segment is short', () => {
  const corner = [
    { x: 0, y: 0 },
    { x: 100, y: 0 },
    { x: 100, y: 10 },
  ];
  expect(roundedPath(corner)).toBe('M0,0 L95,0 Q100,0 100,5 L100,10');
});

test('a straight line stays straight, and repeated points do not break it', () => {
  expect(
    roundedPath([
      { x: 0, y: 0 },
      { x: 0, y: 0 },
      { x: 5, y: 0 },
    ]),
  ).toBe('M0,0 L0,0 Q0,0 0,0 L5,0');
  expect(roundedPath([])).toBe('');
});
