import { z } from 'zod';
import { DataClass, Mode, SideEffect } from './vocabulary.ts';
import { Action, type Action as ActionType } from './verdict.ts';

/**
 * What a threat model compiles to, and all that the enforcing capabilities know of it. `hash` is `contentHash` of the
 * plan without its hash. Every entry cites the flow, element and threat ids it comes from.
 */
const threats = z.array(z.string()).describe('Keys of the threats that this entry answers.');

export const PlanElement = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  zone: z.string(),
  trust: z.number().describe('Trust of the zone, 0 (hostile) to 4 (own core).'),
  /** Lowest trust of any content that reaches this element (derived fact). */
  taint: z.number(),
  /** Classes of data this element holds or can reach (derived fact). */
  classes: z.array(DataClass),
});

export const PlanRoute = z.object({
  flow: z.string(),
  client: z.string().describe('Client element: the one whose key may use this route.'),
  model: z.string().describe('Model element.'),
  upstream: z.object({
    provider: z.string().describe('Name of an upstream in merlon.yaml.'),
    model: z
      .string()
      .optional()
      .describe('Model name sent upstream; when absent, the name that the client asked for.'),
  }),
  mode: Mode,
});

export const PlanFlow = z.object({
  id: z.string(),
  from: z.string(),
  to: z.string(),
  mode: Mode,
  /** Classes that may cross, as declared by `carries`. */
  allow: z.array(DataClass),
  /** What happens to content of a class that may not cross. */
  excess: Action,
  tls: z.boolean(),
  threats,
});

export const PlanTool = z.object({
  agent: z.string(),
  name: z.string().describe('Function name on the wire: the id of the tool element.'),
  element: z.string(),
  sideEffect: SideEffect,
  reversible: z.boolean(),
  /** The tool can carry data out of the system. */
  exit: z.boolean(),
  /** Trust and classes of what the tool returns. */
  returns: z.object({ trust: z.number(), classes: z.array(DataClass) }),
  threats,
});

export const PlanInspector = z.object({
  control: z.string(),
  on: z.array(z.string()).describe('Flow ids; empty means every flow.'),
  settings: z.record(z.string(), z.unknown()),
  objectives: z.array(z.string()),
  threats,
});

export const PlanProbe = z.object({
  id: z.string(),
  control: z.string(),
  flow: z.string(),
  client: z.string(),
  model: z.string(),
  threats,
});

export const Plan = z.object({
  schema: z.literal('merlon-plan/v1'),
  hash: z.string(),
  system: z.object({ id: z.string(), name: z.string() }),
  /** Content hash of the threat model that was compiled. */
  model: z.string(),
  mode: Mode,
  elements: z.array(PlanElement),
  routes: z.array(PlanRoute),
  flows: z.array(PlanFlow),
  tools: z.array(PlanTool),
  inspectors: z.array(PlanInspector),
  /** Upper and fixed values of request parameters per client and model. */
  clamps: z.array(
    z.object({ client: z.string(), model: z.string(), settings: z.record(z.string(), z.unknown()), threats }),
  ),
  access: z.array(z.record(z.string(), z.unknown())),
  detections: z.array(z.record(z.string(), z.unknown())),
  probes: z.array(PlanProbe),
});

export type PlanElement = z.infer<typeof PlanElement>;
export type PlanRoute = z.infer<typeof PlanRoute>;
export type PlanFlow = z.infer<typeof PlanFlow>;
export type PlanTool = z.infer<typeof PlanTool>;
export type PlanInspector = z.infer<typeof PlanInspector>;
export type PlanProbe = z.infer<typeof PlanProbe>;
export type Plan = z.infer<typeof Plan>;

/** Something seen at run time that the threat model does not hold: shown in question 1 with a proposed patch. */
export interface Drift {
  kind: 'flow' | 'model' | 'tool';
  /** Element that was using it. */
  client: string;
  name: string;
  action: ActionType;
  firstSeen: number;
  lastSeen: number;
  count: number;
}
