import type { Level, Model, Threat } from '../api/types.ts';

const order: readonly Level[] = ['low', 'medium', 'high', 'critical'];

export function worse(one: Level | undefined, other: Level): Level {
  return one === undefined || order.indexOf(other) > order.indexOf(one) ? other : one;
}

/** A threat that a person accepted, or that evidence answers, weighs its residual level like any other. */
export function worstResidual(threats: readonly Threat[]): Level | undefined {
  return threats.reduce<Level | undefined>((worst, threat) => worse(worst, threat.residualLevel), undefined);
}

/** Elements and flows a threat touches: its own place and its witness path. */
export function placesOf(threat: Threat): Set<string> {
  return new Set([threat.element, ...(threat.flow ? [threat.flow] : []), ...threat.witness]);
}

/** Threats of one element or flow: those it is the place of first, those that only pass through it after. */
export function threatsAt(id: string, threats: readonly Threat[]): { here: Threat[]; passing: Threat[] } {
  const here = threats.filter((threat) => threat.element === id || threat.flow === id);
  const passing = threats.filter((threat) => !here.includes(threat) && threat.witness.includes(id));
  return { here: byResidual(here), passing: byResidual(passing) };
}

export function byResidual(threats: readonly Threat[]): Threat[] {
  return [...threats].sort((a, b) => b.residual - a.residual || b.risk - a.risk || a.key.localeCompare(b.key));
}

/**
 * Worst residual level per flow. A flow bears the threats whose place it is and those whose witness path runs along it,
 * named itself or between two neighbours of the path.
 */
export function flowLevels(model: Model, threats: readonly Threat[]): Map<string, Level> {
  const levels = new Map<string, Level>();
  for (const threat of threats) {
    for (const flow of flowsAlong(model, threat)) {
      levels.set(flow, worse(levels.get(flow), threat.residualLevel));
    }
  }
  return levels;
}

/** Ids of the flows that a threat's witness path uses. */
export function flowsAlong(model: Model, threat: Threat): Set<string> {
  const used = new Set<string>();
  const named = placesOf(threat);
  for (const flow of model.flows) if (named.has(flow.id)) used.add(flow.id);
  const elements = new Set(model.elements.map((element) => element.id));
  const path = threat.witness.filter((id) => elements.has(id));
  for (const [index, from] of path.entries()) {
    const to = path[index + 1];
    if (to === undefined) break;
    const between = model.flows.filter((flow) => flow.from === from && flow.to === to);
    // When the path names one of several parallel flows, the others are not meant.
    if (!between.some((flow) => used.has(flow.id))) for (const flow of between) used.add(flow.id);
  }
  return used;
}

/** Everything that lights up when a threat is selected. */
export function highlightOf(model: Model, threat: Threat): { elements: Set<string>; flows: Set<string> } {
  const flows = flowsAlong(model, threat);
  const elements = new Set([...placesOf(threat)].filter((id) => model.elements.some((one) => one.id === id)));
  for (const flow of model.flows) {
    if (flows.has(flow.id) && (threat.flow === flow.id || threat.element === flow.id)) {
      elements.add(flow.from);
      elements.add(flow.to);
    }
  }
  return { elements, flows };
}
