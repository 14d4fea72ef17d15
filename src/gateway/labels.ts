import type { Label } from '../kernel/control.ts';
import type { PlanElement } from '../kernel/plan.ts';
import { DataClass, type Trust } from '../kernel/vocabulary.ts';

/** Content of this trust or less, that is not the requesting user's own words, may carry instructions of somebody else. */
export const untrustedAtMost = 1;

export const unknownLabel: Label = { trust: 0, classes: [] };

/** What content of an element is worth: no more than the least trusted content that reaches it. */
export function labelOf(element: PlanElement | undefined): Label {
  if (!element) return unknownLabel;
  return { trust: Math.min(element.trust, element.taint) as Trust, classes: element.classes };
}

/** The label of several texts together: least trust, all classes. */
export function join(labels: Iterable<Label>): Label {
  let trust: Trust = 4;
  const classes = new Set<DataClass>();
  for (const label of labels) {
    if (label.trust < trust) trust = label.trust;
    for (const one of label.classes) classes.add(one);
  }
  return { trust, classes: DataClass.options.filter((one) => classes.has(one)) };
}

/** The classes among `classes` that are above all those that may cross. */
export function excess(classes: readonly DataClass[], allowed: readonly DataClass[]): DataClass[] {
  const top = Math.max(-1, ...allowed.map((one) => DataClass.options.indexOf(one)));
  return classes.filter((one) => DataClass.options.indexOf(one) > top);
}
