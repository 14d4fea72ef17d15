import { defineScanner } from '../contract.ts';
import { archiveOf } from './archive.ts';
import { scanArchive } from './entries.ts';
import {
  isKerasArchive,
  isModelServerArchive,
  isNumpyArchive,
  isSkopsArchive,
  isTorchArchive,
} from './kinds.ts';

export const scanner = defineScanner({
  id: 'zip',
  title: 'ZIP archive',

  recognise(source) {
    if (archiveOf(source) === undefined) return undefined;
    const other = [isTorchArchive, isKerasArchive, isNumpyArchive, isSkopsArchive].some((is) => is(source));
    return other ? undefined : 'magic';
  },

  scan(source, context) {
    if (isModelServerArchive(source))
      context.report({
        rule: 'code-by-design',
        weight: 'suspicious',
        offset: 0,
        evidence: 'MAR-INF/MANIFEST.json',
        why: 'a TorchServe archive carries a handler that the server runs',
      });
    scanArchive(source, context, () => 'file');
  },
});
