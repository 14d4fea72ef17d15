import { z } from 'zod';
import { Problem } from '../../kernel/problem.ts';
import { defineRoute, type Route } from '../../kernel/route.ts';
import type { Vault } from './vault.ts';

export interface VaultDeps {
  vault: Pick<Vault, 'keys' | 'shredObject' | 'shredPerson' | 'rotate'>;
}

const time = z.number().describe('Milliseconds since the epoch, as all times here.');

const Keys = z.object({
  current: z.string().describe('Root key version that wraps what is new.'),
  versions: z.array(
    z.object({
      id: z.string(),
      current: z.boolean(),
      created: time.optional(),
      persons: z.number().describe('Keys of persons that it still wraps.'),
      objects: z.number().describe('Keys of objects that it still wraps.'),
    }),
  ),
  objects: z.object({ kept: z.number(), shredded: z.number() }),
  persons: z.array(
    z.object({
      id: z.string(),
      name: z.string().optional().describe('There while the key is.'),
      created: time,
      shredded: time.optional(),
      objects: z.number(),
      event: z.string().optional().describe('Ledger event of the destruction.'),
    }),
  ),
  shreddedObjects: z.array(z.object({ id: z.string(), at: time, event: z.string().optional() })),
});

const Shredded = z.object({
  kind: z.enum(['person', 'object']),
  id: z.string(),
  objects: z.number(),
  at: time,
  event: z.string(),
  before: z.boolean(),
});

export function routes({ vault }: VaultDeps): Route[] {
  return [
    defineRoute({
      method: 'GET',
      path: '/vault/keys',
      action: 'vault:read',
      summary: 'Root key versions, persons with a key, and what was shredded',
      response: Keys,
      handle: () => vault.keys(),
    }),
    defineRoute({
      method: 'POST',
      path: '/vault/shred',
      action: 'vault:shred',
      summary: 'Destroys the key of an object or of a person, for good',
      body: z.strictObject({
        object: z.uuid().optional().describe('Id of an object.'),
        person: z
          .string()
          .min(1)
          .max(500)
          .optional()
          .describe('Name as it was given when something was bound.'),
      }),
      response: Shredded,
      async handle({ body: { object, person }, principal }) {
        if (object !== undefined && person === undefined) return vault.shredObject(object, principal);
        if (person !== undefined && object === undefined) return vault.shredPerson(person, principal);
        throw new Problem('INPUT_INVALID', { detail: 'exactly one of `object` and `person` is needed' });
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/vault/rotate',
      action: 'vault:rotate',
      summary: 'Wraps every kept key again under the current root key version, or under a new one',
      body: z.strictObject({ newVersion: z.boolean().default(false) }),
      response: z.object({ keyId: z.string(), keys: z.number() }),
      handle: ({ body, principal }) => vault.rotate({ newVersion: body.newVersion, by: principal }),
    }),
  ];
}
