import { parseDocument, visit, isScalar, isPair, isMap, isSeq } from 'yaml';
import { defineScanner, Malformed, type ScanContext } from '../contract.ts';
import { judgeTarget } from '../targets.ts';
import { reportTemplate } from '../template/report.ts';
import { isText, textOf } from '../text-content.ts';

const textMost = 2 * 1024 * 1024;

export const scanner = defineScanner({
  id: 'yaml',
  title: 'YAML configuration (NeMo, Hydra)',

  recognise(source, { name }) {
    if (!isText(source)) return undefined;
    if (/\.ya?ml$/i.test(name)) return 'likely';
    const head = source.read(0, 4096).toString('utf8');
    return /(?:^|\n)(?:---|[\w."'/-]+:(?:[ \t]|\r?\n)|-[ \t]+[\w"']+:)/.test(head) && !/^\s*[[{<]/.test(head)
      ? 'likely'
      : undefined;
  },

  scan(source, context) {
    const declared = /\.ya?ml$/i.test(context.name);
    if (source.size > textMost) {
      if (declared) throw new Malformed(0, `a configuration of more than ${textMost} bytes`);
      return;
    }
    const text = textOf(source);
    if (text === undefined) return;
    judgeTags(text, context);
    const document = parseDocument(text, { strict: false, uniqueKeys: false, logLevel: 'silent' });
    if (document.errors.length > 0 && declared && !isReadable(document.contents))
      throw new Malformed(document.errors[0]?.pos[0] ?? 0, 'not YAML');
    const targets = /_target_\s*["']?\s*:/.test(text);
    visit(document, {
      Pair(_, pair) {
        const key = isScalar(pair.key) ? pair.key.value : undefined;
        const value = isScalar(pair.value) ? pair.value.value : undefined;
        const offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? 0) : 0;
        if (typeof value !== 'string') return;
        if (targets && key === '_target_')
          judgeTarget(value, (rule, weight, evidence, why) =>
            context.report({ rule, weight, offset, evidence, why }),
          );
        if (key === 'chat_template') reportTemplate(value, offset, context);
        else if (/\{[{%]/.test(value))
          reportTemplate(value, offset, {
            ...context,
            report: (observation) => observation.weight === 'malicious' && context.report(observation),
          });
      },
    });
  },
});

function isReadable(contents: unknown): boolean {
  return isMap(contents) || isSeq(contents) || isPair(contents);
}

/** Tags that make a Python loader build objects. */
function judgeTags(text: string, context: ScanContext): void {
  for (const found of text.matchAll(
    /!!?(?:<tag:yaml\.org,2002:)?python\/(?:object(?:\/(?:apply|new))?|name|module)[:\w./]*/g,
  ))
    context.report({
      rule: 'yaml-python-tag',
      weight: 'malicious',
      offset: found.index,
      evidence: found[0],
      why: 'a Python loader imports and calls what the tag names',
    });
}
