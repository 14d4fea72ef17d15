interface Point {
  x: number;
  y: number;
}

/** SVG path along `points` with its corners rounded by at most `radius`, less where a segment is too short for it. */
export function roundedPath(points: readonly Point[], radius = 8): string {
  const [first, ...rest] = points;
  if (!first) return '';
  let path = `M${xy(first)}`;
  for (const [index, point] of rest.entries()) {
    const before = index === 0 ? first : rest[index - 1]!;
    const after = rest[index + 1];
    if (!after) {
      path += ` L${xy(point)}`;
      continue;
    }
    const bend = Math.min(radius, distance(before, point) / 2, distance(point, after) / 2);
    path += ` L${xy(towards(point, before, bend))} Q${xy(point)} ${xy(towards(point, after, bend))}`;
  }
  return path;
}

function distance(one: Point, other: Point): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}

function towards(from: Point, to: Point, by: number): Point {
  const whole = distance(from, to) || 1;
  return { x: from.x + ((to.x - from.x) * by) / whole, y: from.y + ((to.y - from.y) * by) / whole };
}

function xy({ x, y }: Point): string {
  return `${round(x)},${round(y)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
