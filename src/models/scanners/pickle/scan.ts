import { defineScanner, LimitExceeded, type ScanContext } from '../contract.ts';
import { isText } from '../text-content.ts';
import type { Source } from '../source.ts';
import { probePickle, scanPickles, streamOptionsOf, torchMagic } from './streams.ts';

export const scanner = defineScanner({
  id: 'pickle',
  title: 'Python pickle',

  recognise(source, { role }) {
    const head = source.read(0, torchMagic.length);
    if (head.equals(torchMagic)) return undefined;
    if (head[0] === 0x80 && head[1] !== undefined && head[1] <= 5 && head.length > 2) return 'magic';
    if (role === 'tensor' || role === 'chat-template' || role === 'torchscript-code') return undefined;
    return isUnmarkedPickle(source) ? 'magic' : undefined;
  },

  scan(source: Source, context: ScanContext) {
    scanPickles(source, 0, context, streamOptionsOf(context.role));
  },
});

/** Opcodes after which a file that still runs is taken for a pickle. */
const probeMost = 2_000_000;

/** Opcodes that a pickle without a protocol byte begins with. */
const firstOpcodes = new Set(
  Buffer.from('(]})cINFLKJMGUTSVX.\x95\x8c\x8f\x8a\x8b\x88\x89\x82\x83\x84\x97BC', 'latin1'),
);

/**
 * Protocols 0 and 1 have no signature, and nearly every text begins with an opcode. A pickle is what gives a value by its STOP,
 * or imports something known before it breaks.
 */
function isUnmarkedPickle(source: Source): boolean {
  const head = source.read(0, 1);
  if (source.size === 1 && head[0] === 0x2e) return true;
  if (head.length === 0 || !firstOpcodes.has(head[0]!)) return false;
  let opcodes = 0;
  const run = probePickle(source, 0, {
    spend: (cost) => {
      opcodes += cost.opcodes ?? 0;
      if (opcodes > probeMost) throw new LimitExceeded();
    },
  });
  if (run === undefined || run.malicious) return true;
  if (run.calls > 0 || (run.stopped && run.globals > 0)) return true;
  if (!run.stopped) return run.opcodes > 4 && run.globals > 0 && !isText(source);
  return run.opcodes > 1 || source.size < 4;
}
