import { defineScanner, Malformed, type ScanContext } from '../contract.ts';
import { isObject, parseJson, walkJson, type Json, type JsonObject } from '../json-strict.ts';
import { isKerasConfig, judgeKeras } from '../keras/rules.ts';
import { judgePath } from '../paths.ts';
import { judgeTarget } from '../targets.ts';
import { reportTemplate } from '../template/report.ts';
import { isText, textMost, textOf } from '../text-content.ts';
import type { Source } from '../source.ts';

export const scanner = defineScanner({
  id: 'json',
  title: 'JSON configuration',

  recognise(source) {
    return /^\ufeff?\s*(?:\{\s*["}]|\[\s*["{[\]\d\-tfnNI])/.test(source.read(0, 256).toString('utf8')) &&
      isText(source)
      ? 'likely'
      : undefined;
  },

  scan(source, context) {
    if (source.size > textMost || (source.size > wholeMost && !namesCode(source))) {
      scanLarge(source, context);
      return;
    }
    const text = textOf(source);
    if (text === undefined) throw new Malformed(0, 'not UTF-8');
    let document: Json;
    try {
      document = parseJson(text.replace(/^\ufeff/, ''), {
        python: true,
        onDuplicate: (key, offset) => reportDuplicate(key, offset, context),
      });
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      scanBroken(text, error, context);
      return;
    }
    judgeDocument(document, context);
  },
});

/** Documents up to this size are always read as a tree; larger ones, such as vocabularies, when they name code. */
const wholeMost = 1024 * 1024;
const namesOfCode =
  /"(?:chat_template|chat_templates|auto_map|auto_mapping|class_name|module|_target_|custom_pipelines|custom_generate|trust_remote_code|weight_map)"\s*:|\\u00[2-7][0-9a-fA-F][^"\n]{0,60}"\s*:/;

function namesCode(source: Source): boolean {
  const text = source.read(0, source.size).toString('latin1');
  return namesOfCode.test(text);
}

/** Keys whose second value would replace the one that a reader saw. */
const tellingKeys = new Set([
  'auto_map',
  'chat_template',
  'class_name',
  'module',
  '_target_',
  'trust_remote_code',
  'weight_map',
  'custom_pipelines',
]);

function reportDuplicate(key: string, offset: number, context: ScanContext): void {
  if (!tellingKeys.has(key)) return;
  context.report({
    rule: 'json-duplicate-key',
    weight: 'suspicious',
    offset,
    evidence: key,
    why: 'parsers disagree on which of two equal keys counts',
  });
}

/** What is not JSON is still read by someone: JSON Lines, comments, templates in braces. */
function scanBroken(text: string, error: Malformed, context: ScanContext): void {
  if (/"(?:chat_template|auto_map|class_name|_target_)"/.test(text) || /\.json$/i.test(context.name))
    context.report({
      rule: 'json-malformed',
      weight: isJsonLines(text) ? 'note' : 'error',
      offset: error.offset,
      evidence: error.message,
      why: 'a loader would refuse this',
    });
  if (/\{[{%]/.test(text)) reportTemplateText(text, context);
}

function isJsonLines(text: string): boolean {
  const [first] = text.split('\n', 1);
  try {
    parseJson(first ?? '', { python: true });
    return true;
  } catch {
    return false;
  }
}

function reportTemplateText(text: string, context: ScanContext): void {
  reportTemplate(text, 0, {
    ...context,
    report: (observation) => {
      if (observation.weight === 'malicious') context.report(observation);
    },
  });
}

/** Too large to parse: the keys that matter are looked for as text. */
function scanLarge(source: Source, context: ScanContext): void {
  const piece = 4 * 1024 * 1024;
  for (let at = 0; at < source.size; at += piece) {
    const text = source.read(at, piece + 64).toString('latin1');
    const found = /"(?:chat_template|auto_map|class_name|_target_|custom_pipelines)"\s*:/.exec(text);
    if (found === null) continue;
    context.report({
      rule: 'json-too-large',
      weight: 'suspicious',
      offset: at + found.index,
      evidence: found[0],
      why: `the document has more than ${textMost} bytes and is not read whole`,
    });
    return;
  }
}

export function judgeDocument(document: Json, context: ScanContext): void {
  if (isKerasConfig(document) || hasKerasModel(document))
    for (const finding of judgeKeras(document)) context.report({ ...finding, offset: 0 });
  for (const { key, value, path, parent } of walkJson(document)) judgePair(key, value, path, parent, context);
}

function hasKerasModel(document: Json): boolean {
  return (
    isObject(document) &&
    ['model_config', 'compile_config', 'config'].some((key) => {
      const inner = document.get(key);
      return inner !== undefined && isKerasConfig(inner);
    })
  );
}

const secretPattern =
  /^(?:hf_[A-Za-z0-9]{30,}|sk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{40,}|A(?:KIA|SIA)[A-Z0-9]{16}|AIza[\w-]{35}|xox[abprs]-[\w-]{10,}|glpat-[\w-]{20,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|npm_[A-Za-z0-9]{36})$|-----BEGIN [A-Z ]*PRIVATE KEY-----/;

function judgePair(
  key: string,
  value: Json,
  path: string,
  parent: JsonObject | undefined,
  context: ScanContext,
): void {
  const report = (
    rule: string,
    weight: 'suspicious' | 'malicious' | 'error',
    evidence: string,
    why: string,
  ): void => context.report({ rule, weight, offset: 0, evidence, why });
  switch (key) {
    case 'chat_template':
    case 'chat_templates':
    case 'default_chat_template':
      templatesIn(value).forEach((template) => reportTemplate(template, 0, context));
      break;
    case 'auto_map':
    case 'auto_mapping':
    case 'custom_pipelines':
    case 'custom_generate':
      if (isObject(value) ? value.size > 0 : typeof value === 'string')
        report(
          'remote-code',
          'suspicious',
          `${path}: ${namesIn(value)}`,
          'the loader imports Python code that comes with the model, or from another repository',
        );
      break;
    case 'trust_remote_code':
      if (value === true)
        report('remote-code', 'suspicious', path, 'asks the loader to run code that comes with the model');
      break;
    case 'weight_map':
      if (isObject(value)) judgeWeightMap(value, context);
      break;
    case '_target_':
      if (typeof value === 'string') judgeTarget(value, report);
      break;
    default:
  }
  if (typeof value !== 'string') return;
  if (value.length < 4096 && secretPattern.test(value))
    report(
      'secret-in-model',
      'suspicious',
      `${path}: ${value.slice(0, 6)}...`,
      'a credential is published with the model',
    );
  if (parent !== undefined && key !== 'chat_template' && /\{[{%]/.test(value) && value.length < 200_000)
    reportTemplateText(value, context);
  if (
    /^(?:vocab_file|merges_file|tokenizer_file|adapter_path|checkpoint|init_checkpoint|base_model_path)$/.test(
      key,
    ) &&
    judgePath(value)?.weight === 'malicious' &&
    /(?:^|[\\/])\.\.(?:[\\/]|$)|^\/etc\/|^[a-z]+:\/\//i.test(value)
  )
    report('path-in-model', 'suspicious', `${path}: ${value}`, 'the loader opens a file outside the model');
}

function templatesIn(value: Json): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value))
    return value.flatMap((one) =>
      isObject(one) ? templatesIn(one.get('template') ?? null) : typeof one === 'string' ? [one] : [],
    );
  if (isObject(value)) return [...value.values()].flatMap((one) => (typeof one === 'string' ? [one] : []));
  return [];
}

function namesIn(value: Json): string {
  if (typeof value === 'string') return value;
  return [...walkJson(value)].flatMap(({ value: one }) => (typeof one === 'string' ? [one] : [])).join(', ');
}

function judgeWeightMap(map: JsonObject, context: ScanContext): void {
  for (const [tensor, file] of map) {
    const wrong = typeof file === 'string' ? judgePath(file) : undefined;
    if (typeof file !== 'string')
      context.report({
        rule: 'index-malformed',
        weight: 'error',
        offset: 0,
        evidence: tensor,
        why: 'the index names no file',
      });
    else if (wrong !== undefined)
      context.report({
        rule: 'index-path',
        weight: wrong.weight,
        offset: 0,
        evidence: `${tensor}: ${file}`,
        why: wrong.why,
      });
  }
}
