import { z } from 'zod';

/** Embedded use has this one tenant; every row carries it. */
export const defaultTenant = 'default';

/** Who acts. `client` is an element of the threat model that holds a key; `local` is the owner of the control token. */
export const Principal = z.object({
  kind: z.enum(['person', 'client', 'local', 'service']),
  id: z.string(),
  tenant: z.string(),
  /** Client element of the threat model, when the principal is a client. */
  element: z.string().optional(),
  /** Identifies the credential in events, never the secret part. */
  credential: z.string().optional(),
});
export type Principal = z.infer<typeof Principal>;
