import { z } from 'zod';

/** Where a piece of text stands in a conversation. */
export const Surface = z.enum(['user', 'system', 'document', 'tool_result', 'assistant', 'tool_call']);
export type Surface = z.infer<typeof Surface>;

/** `start` and `end` are UTF-16 code units of the original text, also when the match was found in a decoded view. */
export const Finding = z.object({
  /** Such as `prompt_injection`, `secret`, `email_address`, `link_undeclared`. */
  type: z.string(),
  detector: z.string(),
  /** 0..1, comparable across texts for one detector. */
  score: z.number(),
  start: z.number(),
  end: z.number(),
  /** One sentence for people. Never contains the matched text. */
  reason: z.string().optional(),
});
export type Finding = z.infer<typeof Finding>;
