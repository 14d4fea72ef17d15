import { defineScanner } from '../contract.ts';
import { executableAt } from '../executables.ts';

export const scanner = defineScanner({
  id: 'executable',
  title: 'Native program or script',

  recognise: (source) => (executableAt(source) === undefined ? undefined : 'magic'),

  scan(source, context) {
    const what = executableAt(source) ?? 'a program';
    context.report({
      rule: 'executable-content',
      weight: 'suspicious',
      offset: 0,
      evidence: what,
      why: 'a model has no reason to carry a program',
    });
  },
});
