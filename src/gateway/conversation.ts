import { createHmac, type KeyObject } from 'node:crypto';
import type { Label, Segment } from '../kernel/control.ts';
import type { PlanElement, PlanRoute } from '../kernel/plan.ts';
import { Problem } from '../kernel/problem.ts';
import type { ChatRequest, RequestText } from './chat.ts';
import { isRecord } from './json.ts';
import { labelOf, unknownLabel } from './labels.ts';
import type { Policy } from './policy.ts';

/** Elements that content is said to come from, by pointer; a pointer covers what is below it. */
export type Sources = ReadonlyMap<string, string>;

/**
 * Reads the header `x-merlon-source`, by which an application says where it put whose content.
 * @throws Problem INPUT_INVALID for anything but a JSON map of pointers to elements of the threat model
 */
export function readSources(header: string | undefined, policy: Policy): Sources {
  if (header === undefined) return new Map();
  const refuse = (detail: string): never => {
    throw new Problem('INPUT_INVALID', {
      detail: `x-merlon-source: ${detail}`,
      fix: 'Send a JSON object such as {"/messages/1/content": "kb"}.',
    });
  };
  let map: unknown;
  try {
    map = JSON.parse(header);
  } catch {
    return refuse('it is not JSON');
  }
  if (!isRecord(map)) return refuse('it is not an object');
  return new Map(
    Object.entries(map).map(([pointer, element]) => {
      if (!pointer.startsWith('/')) return refuse(`\`${pointer.slice(0, 40)}\` is not a JSON pointer`);
      if (typeof element !== 'string' || !policy.elements.has(element))
        return refuse(`the threat model has no element \`${String(element).slice(0, 40)}\``);
      return [pointer, element];
    }),
  );
}

/**
 * The texts of a request with surface, source and label. Everything is computed from the message list that the client
 * sends again each time, so that no state is kept and none can be poisoned.
 */
export function segmentsOf(
  request: ChatRequest,
  sources: Sources,
  route: PlanRoute,
  policy: Policy,
): Segment[] {
  const user = userBefore(route.client, policy);
  return request.texts.map((text) => {
    const told = sourceOf(text, sources, policy);
    const { source, label, surface } = told ? { ...place(text, told) } : byRole(text, user, route, policy);
    return {
      pointer: text.pointer,
      surface,
      text: text.text,
      label,
      phase: 'request',
      ...(source ? { source } : {}),
      ...(text.tool ? { tool: text.tool } : {}),
    };
  });
}

type Place = { surface: Segment['surface']; label: Label; source?: string };

/** Who talks to this client: the person if there is one, else whoever has a flow to it. */
function userBefore(client: string, policy: Policy): PlanElement | undefined {
  const before = policy.plan.flows
    .filter((flow) => flow.to === client)
    .map((flow) => policy.elements.get(flow.from))
    .filter((element) => element !== undefined);
  return (
    before.find((element) => element.kind === 'user') ?? before.find((element) => element.kind !== 'tool')
  );
}

function sourceOf(text: RequestText, sources: Sources, policy: Policy): PlanElement | undefined {
  if (sources.size > 0) {
    for (let pointer = text.pointer; pointer !== ''; pointer = pointer.slice(0, pointer.lastIndexOf('/'))) {
      const element = sources.get(pointer);
      if (element) return policy.elements.get(element);
    }
  }
  // A tool result keeps the label of its tool: `name` is content there, and must not raise it.
  return text.name && text.role !== 'tool' && text.role !== 'function'
    ? policy.elements.get(text.name)
    : undefined;
}

/** Content of an element that is no user and no agent is a document, whatever role the application put it under. */
function place(text: RequestText, element: PlanElement): Place {
  const speaks = element.kind === 'user' || element.kind === 'agent' || text.surface !== 'user';
  const quoted = text.surface === 'system' && element.trust <= 1;
  return {
    surface: speaks && !quoted ? text.surface : 'document',
    label: labelOf(element),
    source: element.id,
  };
}

function byRole(text: RequestText, user: PlanElement | undefined, route: PlanRoute, policy: Policy): Place {
  const { surface } = text;
  switch (surface) {
    case 'tool_result':
    case 'tool_call':
    case 'document': {
      const tool = text.tool === undefined ? undefined : policy.tool(route.client, text.tool);
      if (surface === 'tool_call')
        return { surface, label: labelOf(policy.elements.get(route.model)), source: route.model };
      if (!tool) return { surface, label: unknownLabel };
      return {
        surface,
        label: { trust: tool.returns.trust as Label['trust'], classes: tool.returns.classes },
        source: tool.element,
      };
    }
    case 'assistant':
      return { surface, label: labelOf(policy.elements.get(route.model)), source: route.model };
    case 'system': {
      // Definitions of tools that others run are the words of others.
      const tool = text.tool === undefined ? undefined : policy.elements.get(text.tool);
      if (tool && tool.trust <= 1) return { surface: 'document', label: labelOf(tool), source: tool.id };
      const client = policy.elements.get(route.client);
      return {
        surface,
        label: client ? { trust: client.trust as Label['trust'], classes: [] } : { trust: 2, classes: [] },
        source: route.client,
      };
    }
    default:
      return user
        ? { surface, label: { trust: user.trust as Label['trust'], classes: [] }, source: user.id }
        : { surface, label: unknownLabel };
  }
}

/**
 * Stable over the turns of one conversation: client, route and everything up to the first user message. Keyed, because it
 * stands in events, and prompts can be guessed.
 */
export function conversationId(request: ChatRequest, route: PlanRoute, key: KeyObject): string {
  let said = `${route.client}\0${route.flow}\0${route.model}`;
  let first: number | undefined;
  for (const text of request.texts) {
    if (text.message === undefined || (first !== undefined && text.message !== first)) continue;
    if (text.role === 'user') first = text.message;
    said += `\0${text.text}`;
  }
  return createHmac('sha256', key).update(said).digest('base64url');
}
