import type { Level, Model, Threat } from '../api/types.ts';

const order: readonly Level[] = ['low', 'medium', 'high', 'critical'];

export function worse(one: Level | undefined, other: Level): Level {
  return one === undefined || order.indexOf(other) > order.indexOf(one) ? other : one;
}

/** A threat that a person accepted, or that evidence answers, weighs its residual level like any other. */
export function worstResidual(threats: readonly Threat[]): Level | undefined {
  return threats.reduce<Level | undefined>((worst, threat) => worse(worst, threat.residualLevel), undefined);
}

/** Ids of the elements and flows that a threat touches: its own place and its witness paths. */
function placesOf(threat: Threat): Set<string> {
  const own = threat.flow ? [threat.element, threat.flow] : [threat.element];
  return new Set([...own, ...threat.witness.flatMap(({ path }) => path)]);
}

/** Threats of one element or flow: those it is the place of first, those that only pass through it after. */
export function threatsAt(id: string, threats: readonly Threat[]): { here: Threat[]; passing: Threat[] } {
  const here = threats.filter((threat) => threat.element === id || threat.flow === id);
  const passing = threats.filter((threat) => !here.includes(threat) && placesOf(threat).has(id));
  return { here: byResidual(here), passing: byResidual(passing) };
}

export function byResidual(threats: readonly Threat[]): Threat[] {
  return [...threats].sort(
    (a, b) => b.residual - a.residual || b.risk - a.risk || a.key.localeCompare(b.key),
  );
}

/** Worst residual level per flow, over the threats whose place it is and those whose witness path runs along it. */
export function flowLevels(model: Model, threats: readonly Threat[]): Map<string, Level> {
  const levels = new Map<string, Level>();
  for (const threat of threats) {
    for (const flow of highlightOf(model, threat).flows) {
      levels.set(flow, worse(levels.get(flow), threat.residualLevel));
    }
  }
  return levels;
}

/** Everything that lights up when a threat is selected. A flow lights its two ends as well. */
export function highlightOf(model: Model, threat: Threat): { elements: Set<string>; flows: Set<string> } {
  const places = placesOf(threat);
  const flows = model.flows.filter(({ id }) => places.has(id));
  const ends = new Set(flows.flatMap(({ from, to }) => [from, to]));
  const elements = model.elements.filter(({ id }) => places.has(id) || ends.has(id));
  return { elements: new Set(elements.map(({ id }) => id)), flows: new Set(flows.map(({ id }) => id)) };
}
