import { defineScanner, Malformed, type ScanContext } from '../contract.ts';
import { isObject, parseJson, walkJson, type JsonObject } from '../json-strict.ts';
import { judgeGlobal } from '../pickle/globals.ts';
import { scanArchive } from '../zip/entries.ts';
import { isSkopsArchive } from '../zip/kinds.ts';

const schemaMost = 64 * 1024 * 1024;

/** Loaders whose declared type may differ from what they really reach. */
const indirect = new Set([
  'OperatorFuncNode',
  'MethodNode',
  'ReduceNode',
  'FunctionNode',
  'PartialNode',
  'TypeNode',
]);
const plain = new Set([
  'DictNode',
  'ListNode',
  'TupleNode',
  'SetNode',
  'JsonNode',
  'NdArrayNode',
  'SparseMatrixNode',
  'BytesNode',
  'BytearrayNode',
  'SliceNode',
  'MaskedArrayNode',
  'RandomStateNode',
  'RandomGeneratorNode',
  'DefaultDictNode',
  'OrderedDictNode',
  'DTypeNode',
  'ScalarNode',
  'DatetimeTimedeltaNode',
  'CachedNode',
  'ObjectNode',
  'TreeNode',
  'LossNode',
  '_DictWithDeprecatedKeysNode',
  '_BunchNode',
  'SGDNode',
  'ObjectNode',
  'QuantileForestNode',
]);

export const scanner = defineScanner({
  id: 'skops',
  title: 'skops',

  recognise: (source) => (isSkopsArchive(source) ? 'magic' : undefined),

  scan(source, context) {
    scanArchive(
      source,
      context,
      () => 'file',
      (entry, content) => {
        if (entry.name !== 'schema.json') return;
        if (content.size > schemaMost) throw new Malformed(entry.local, 'schema.json is too large');
        const schema = parseJson(content.read(0, content.size).toString('utf8'), { python: true });
        for (const { value } of walkJson(schema)) if (isObject(value)) judgeNode(value, entry.local, context);
      },
    );
  },
});

function judgeNode(node: JsonObject, offset: number, context: ScanContext): void {
  const text = (key: string): string | undefined => {
    const value = node.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const loader = text('__loader__');
  const type = text('__class__');
  const module = text('__module__');
  if (loader === undefined) {
    judgeFunction(node, offset, context);
    return;
  }
  const evidence = `${loader}: ${module ?? '?'}.${type ?? '?'}`;
  if (
    module !== undefined &&
    type !== undefined &&
    !(module === 'builtins' && /^(?:builtin_function_or_method|function|module|method|type)$/.test(type))
  ) {
    const { standing, why } = judgeGlobal(module, type);
    const known =
      standing === 'safe' ||
      (loader !== 'ObjectNode' &&
        plain.has(loader) &&
        /^(?:builtins|collections|numpy|scipy)(?:\.|$)/.test(module));
    if (standing === 'dangerous')
      context.report({ rule: 'skops-dangerous-type', weight: 'malicious', offset, evidence, why });
    else if (!known && loader !== 'JsonNode')
      context.report({ rule: 'skops-unknown-type', weight: 'suspicious', offset, evidence, why });
  }
  if (type === 'module' && module !== undefined && judgeGlobal(module, '').standing === 'dangerous')
    context.report({
      rule: 'skops-dangerous-type',
      weight: 'malicious',
      offset,
      evidence,
      why: 'reaches a module that runs code',
    });
  if (indirect.has(loader)) {
    judgeFunction(node, offset, context);
    context.report({
      rule: 'skops-indirect-loader',
      weight: 'suspicious',
      offset,
      evidence,
      why: 'the type that is checked may differ from what is called (CVE-2025-54412, CVE-2025-54413)',
    });
  } else if (!plain.has(loader))
    context.report({
      rule: 'skops-unknown-loader',
      weight: 'suspicious',
      offset,
      evidence,
      why: 'not a loader of skops',
    });
}

/** Names of functions inside a node: `{module_path, function}` and `{func, obj}`. */
function judgeFunction(node: JsonObject, offset: number, context: ScanContext): void {
  const inner = node.get('content');
  for (const one of [node, inner]) {
    if (!isObject(one)) continue;
    const module = one.get('module_path') ?? one.get('module');
    const name = one.get('function') ?? one.get('func') ?? one.get('name');
    if (typeof module !== 'string' || typeof name !== 'string') continue;
    const { standing, why } = judgeGlobal(module, name);
    if (standing !== 'safe')
      context.report({
        rule: 'skops-function',
        weight: standing === 'dangerous' ? 'malicious' : 'suspicious',
        offset,
        evidence: `${module}.${name}`,
        why,
      });
  }
}
