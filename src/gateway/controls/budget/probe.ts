import { defineProbe } from '../../../kernel/probe.ts';

const messages = [{ role: 'user' as const, content: 'Hello.' }];

export const probe = defineProbe({
  id: 'budget',
  control: 'budget',
  title: 'A sweep of requests is cut off',
  surface: 'user',
  // Seven hundred requests in a row; a client that gets them all is free to harvest or to run up a bill.
  oracle: ({ answered }) => answered > 650,
  attacks: { 'seven hundred requests in a row': { messages, repeat: 700, stream: false } },
  harmless: {
    'a handful of requests': { messages, repeat: 3 },
    'a plain question': 'What are your opening hours?',
  },
  maxUpper: 0.5,
});
