/**
 * Aho–Corasick (CACM 1975) over UTF-16 units, as one table: states × character classes. Letters match in both cases.
 * One pass, one table look-up per unit, whatever the text.
 */
export interface Automaton {
  /** Class of each UTF-16 unit; 0 is every unit that no keyword holds. */
  readonly classes: Uint8Array;
  readonly width: number;
  /** Next state, already multiplied by `width`. */
  readonly next: Int32Array;
  /** States from here on are the end of some keyword. */
  readonly firstFinal: number;
  /** For final states: where their keywords stand in `outputs`. Index: (state - firstFinal) / width. */
  readonly outputStart: Int32Array;
  readonly outputs: Int32Array;
}

/** @param keywords not empty, each at least one unit long, together fewer than 255 different units */
export function buildAutomaton(keywords: readonly string[]): Automaton {
  const classes = new Uint8Array(65_536);
  let width = 1;
  const lowered = keywords.map((keyword) => keyword.toLowerCase());
  for (const keyword of lowered) {
    for (let i = 0; i < keyword.length; i += 1) {
      const code = keyword.charCodeAt(i);
      if (classes[code] !== 0) continue;
      classes[code] = width;
      const upper = keyword.charAt(i).toUpperCase();
      if (upper.length === 1) classes[upper.charCodeAt(0)] = width;
      width += 1;
    }
  }

  const children: Map<number, number>[] = [new Map()];
  const ends: number[][] = [[]];
  lowered.forEach((keyword, id) => {
    let state = 0;
    for (let i = 0; i < keyword.length; i += 1) {
      const unit = classes[keyword.charCodeAt(i)]!;
      let child = children[state]!.get(unit);
      if (child === undefined) {
        child = children.length;
        children.push(new Map());
        ends.push([]);
        children[state]!.set(unit, child);
      }
      state = child;
    }
    ends[state]!.push(id);
  });

  // Breadth first: the failure state of each state is complete before the state is.
  const failure = new Int32Array(children.length);
  const table: Int32Array[] = Array.from(children, () => new Int32Array(width));
  const queue: number[] = [0];
  for (let head = 0; head < queue.length; head += 1) {
    const state = queue[head]!;
    const fallback = failure[state]!;
    if (state !== 0) ends[state]!.push(...ends[fallback]!);
    for (let unit = 0; unit < width; unit += 1) {
      const child = children[state]!.get(unit);
      if (child === undefined) {
        table[state]![unit] = state === 0 ? 0 : table[fallback]![unit]!;
        continue;
      }
      failure[child] = state === 0 ? 0 : table[fallback]![unit]!;
      table[state]![unit] = child;
      queue.push(child);
    }
  }

  // Final states go to the end, so that one comparison tells them apart.
  const order = [...children.keys()].sort(
    (left, right) => Number(ends[left]!.length > 0) - Number(ends[right]!.length > 0) || left - right,
  );
  const place = new Int32Array(children.length);
  order.forEach((state, index) => (place[state] = index));
  const next = new Int32Array(children.length * width);
  const finals = order.filter((state) => ends[state]!.length > 0);
  const outputStart = new Int32Array(finals.length + 1);
  const outputs: number[] = [];
  order.forEach((state, index) => {
    for (let unit = 0; unit < width; unit += 1)
      next[index * width + unit] = place[table[state]![unit]!]! * width;
  });
  finals.forEach((state, index) => {
    outputs.push(...ends[state]!);
    outputStart[index + 1] = outputs.length;
  });
  return {
    classes,
    width,
    next,
    firstFinal: (children.length - finals.length) * width,
    outputStart,
    outputs: Int32Array.from(outputs),
  };
}

/** Calls `found` for every occurrence, in order of `end` (the unit after the last). */
export function eachKeyword(
  { classes, width, next, firstFinal, outputStart, outputs }: Automaton,
  text: string,
  found: (keyword: number, end: number) => void,
): void {
  let state = 0;
  for (let i = 0; i < text.length; i += 1) {
    state = next[state + classes[text.charCodeAt(i)]!]!;
    if (state < firstFinal) continue;
    const final = (state - firstFinal) / width;
    for (let o = outputStart[final]!; o < outputStart[final + 1]!; o += 1) found(outputs[o]!, i + 1);
  }
}

/** True when any keyword occurs. */
export function hasKeyword({ classes, next, firstFinal }: Automaton, text: string): boolean {
  let state = 0;
  for (let i = 0; i < text.length; i += 1) {
    state = next[state + classes[text.charCodeAt(i)]!]!;
    if (state >= firstFinal) return true;
  }
  return false;
}
