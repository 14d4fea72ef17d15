import type { ControlDescriptor } from '../kernel/control.ts';
import type { Plan } from '../kernel/plan.ts';
import type { DataClass, Mode } from '../kernel/vocabulary.ts';
import { compile } from './compile.ts';
import { deriveFacts, type Facts } from './facts.ts';
import { isModel, isStore } from './graph.ts';
import type { Model } from './model.ts';
import { readModel } from './parse.ts';
import { examine, type DisabledThreat, type Rule, type Threat } from './rules.ts';

export interface AnalysisDeps {
  rules: readonly Rule[];
  controls: readonly ControlDescriptor[];
  probes: readonly { id: string; control: string }[];
  file?: string;
  mode?: Mode;
  /** Milliseconds since the epoch. */
  now?: number;
}

export interface Analysis {
  model: Model;
  facts: Facts;
  threats: Threat[];
  disabled: DisabledThreat[];
  plan: Plan;
}

/**
 * From text to plan in one call.
 * @throws Problem MODEL_INVALID with every problem of the file
 */
export function analyze(text: string, deps: AnalysisDeps): Analysis {
  const model = readModel(text, {
    ...(deps.file ? { file: deps.file } : {}),
    controls: deps.controls,
    rules: deps.rules.map(({ id }) => id),
  });
  return analyzeModel(model, deps);
}

/** As `analyze`, for a model that was read before. */
export function analyzeModel(model: Model, { rules, controls, probes, mode, now }: AnalysisDeps): Analysis {
  const facts = deriveFacts(model);
  const { threats, disabled } = examine(model, facts, rules, {
    controls,
    ...(now === undefined ? {} : { now }),
  });
  const plan = compile({ model, facts, threats, controls, probes, ...(mode ? { mode } : {}) });
  return { model, facts, threats, disabled, plan };
}

/** What is known of one element, for people and the console. Ids throughout. */
export interface ElementFacts {
  trust: number;
  taint: number;
  supply: number;
  reach: DataClass;
  data: string[];
  tools: string[];
  exits: string[];
  users: string[];
  trifecta: boolean;
  mixes: boolean;
  /** Where its least trusted content comes from, as a path; empty when all of it is trusted. */
  source: string[];
  /** Flows of its that lie across zones. */
  crossings: string[];
}

export function describeFacts(facts: Facts): Record<string, ElementFacts> {
  const id = ({ element }: { element: { id: string } }) => element.id;
  return Object.fromEntries(
    facts.graph.nodes.map((node) => [
      node.element.id,
      {
        trust: node.trust,
        taint: facts.taint(node),
        supply: facts.supply(node),
        reach: facts.reach(node),
        data: facts.dataAt(node).map((one) => one.id),
        tools: facts.tools(node).map(id),
        exits: isModel(node.element.kind) || isStore(node.element.kind) ? [] : facts.exits(node).map(id),
        users: facts.users(node).map(id),
        trifecta: facts.trifecta(node),
        mixes: facts.mixes(node),
        source: (facts.fromUntrusted(node)?.steps ?? []).map((step) => id(step.node)),
        crossings: [...node.in, ...node.out].filter((link) => facts.crosses(link)).map(({ flow }) => flow.id),
      },
    ]),
  );
}
