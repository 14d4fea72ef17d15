/** A row of features as (index, weight) pairs, standing for `count` rows with this label. */
export interface Example {
  indices: readonly number[];
  weights: readonly number[];
  label: number;
  count: number;
}

/** A linear model per class: `margins[class][feature]`, the last entry is the intercept. */
export interface LinearModel {
  classes: number;
  margins: Float64Array[];
}

/** Newton steps until the largest change of a coefficient is below this. */
const tolerance = 1e-5;
const mostSteps = 25;
/** A small ridge keeps features apart that say the same. */
const ridge = 1;

/** Logistic regression by Newton's method, one class against the rest. Deterministic. */
export function fitLogistic(examples: readonly Example[], features: number, classes: number): LinearModel {
  // Two classes need one model: the other is its mirror.
  const fitted = classes === 2 ? [1] : Array.from({ length: classes }, (_, one) => one);
  const margins = fitted.map((one) => fitBinary(examples, features, one));
  return { classes, margins: classes === 2 ? [margins[0]!.map((value) => -value), margins[0]!] : margins };
}

function fitBinary(examples: readonly Example[], features: number, positive: number): Float64Array {
  const size = features + 1;
  const beta = new Float64Array(size);
  const hessian = new Float64Array(size * size);
  const gradient = new Float64Array(size);
  for (let step = 0; step < mostSteps; step++) {
    hessian.fill(0);
    gradient.fill(0);
    for (let at = 0; at < size; at++) {
      const penalty = at === features ? 1e-9 : ridge;
      hessian[at * size + at] = penalty;
      gradient[at] = -penalty * beta[at]!;
    }
    for (const { indices, weights, label, count } of examples) {
      const p = 1 / (1 + Math.exp(-marginOf(beta, indices, weights)));
      const error = count * ((label === positive ? 1 : 0) - p);
      const curvature = count * Math.max(p * (1 - p), 1e-9);
      for (let i = 0; i <= indices.length; i++) {
        const left = i === indices.length ? features : indices[i]!;
        const weight = i === indices.length ? 1 : weights[i]!;
        gradient[left] = gradient[left]! + error * weight;
        const row = left * size;
        const scaled = curvature * weight;
        for (let j = 0; j < indices.length; j++)
          hessian[row + indices[j]!] = hessian[row + indices[j]!]! + scaled * weights[j]!;
        hessian[row + features] = hessian[row + features]! + scaled;
      }
    }
    const change = solve(hessian, gradient, size);
    let largest = 0;
    for (let at = 0; at < size; at++) {
      // A bounded step: far from the optimum a full one may overshoot.
      const moved = Math.max(-5, Math.min(5, change[at]!));
      beta[at] = beta[at]! + moved;
      largest = Math.max(largest, Math.abs(moved));
    }
    if (largest < tolerance) break;
  }
  return beta;
}

export function marginOf(beta: Float64Array, indices: readonly number[], weights: readonly number[]): number {
  let margin = beta[beta.length - 1]!;
  for (let i = 0; i < indices.length; i++) margin += beta[indices[i]!]! * weights[i]!;
  return margin;
}

/** Solves a symmetric positive definite system by Cholesky; overwrites its arguments. */
function solve(matrix: Float64Array, right: Float64Array, size: number): Float64Array {
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j]!;
      for (let k = 0; k < j; k++) sum -= matrix[i * size + k]! * matrix[j * size + k]!;
      matrix[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / matrix[j * size + j]!;
    }
  for (let i = 0; i < size; i++) {
    let sum = right[i]!;
    for (let k = 0; k < i; k++) sum -= matrix[i * size + k]! * right[k]!;
    right[i] = sum / matrix[i * size + i]!;
  }
  for (let i = size - 1; i >= 0; i--) {
    let sum = right[i]!;
    for (let k = i + 1; k < size; k++) sum -= matrix[k * size + i]! * right[k]!;
    right[i] = sum / matrix[i * size + i]!;
  }
  return right;
}

/** Share of right answers, and the area under the ROC curve (mean over classes that occur, one against the rest). */
export function evaluate(
  model: LinearModel,
  examples: readonly Example[],
): { accuracy: number; auc: number } {
  let right = 0;
  let total = 0;
  const scored = examples.map(({ indices, weights, label, count }) => {
    const margins = model.margins.map((beta) => marginOf(beta, indices, weights));
    let best = 0;
    for (let one = 1; one < margins.length; one++) if (margins[one]! > margins[best]!) best = one;
    total += count;
    if (best === label) right += count;
    return { margins, label, count };
  });
  const areas: number[] = [];
  for (let one = model.classes === 2 ? 1 : 0; one < model.classes; one++) {
    const area = areaUnderCurve(
      scored.map(({ margins, label, count }) => ({ score: margins[one]!, hit: label === one, count })),
    );
    if (area !== undefined) areas.push(area);
  }
  return {
    accuracy: total === 0 ? 0 : right / total,
    auc: areas.length === 0 ? 0.5 : areas.reduce((sum, area) => sum + area, 0) / areas.length,
  };
}

function areaUnderCurve(scored: { score: number; hit: boolean; count: number }[]): number | undefined {
  scored.sort((left, right) => left.score - right.score);
  let [hits, misses, area] = [0, 0, 0];
  for (let from = 0; from < scored.length;) {
    let [tiedHits, tiedMisses, to] = [0, 0, from];
    for (; to < scored.length && scored[to]!.score === scored[from]!.score; to++) {
      if (scored[to]!.hit) tiedHits += scored[to]!.count;
      else tiedMisses += scored[to]!.count;
    }
    area += tiedHits * (misses + tiedMisses / 2);
    hits += tiedHits;
    misses += tiedMisses;
    from = to;
  }
  return hits === 0 || misses === 0 ? undefined : area / (hits * misses);
}
