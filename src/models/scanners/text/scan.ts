import { defineScanner } from '../contract.ts';
import { isText } from '../text-content.ts';

export const scanner = defineScanner({
  id: 'text',
  title: 'Plain text',

  recognise: (source) => (isText(source) ? 'likely' : undefined),

  scan() {
    // Text that no loader runs. Scripts, templates and documents have scanners of their own.
  },
});
