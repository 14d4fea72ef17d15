import type { Weight } from '../contract.ts';
import { isObject, walkJson, type Json, type JsonObject } from '../json-strict.ts';
import { judgeGlobal } from '../pickle/globals.ts';
import { judgePath } from '../paths.ts';

// A Keras configuration names the classes that are imported and called when it is loaded. Every object that names one is
// judged, wherever it stands: layers, compile and build configuration, losses, vocabularies.

export interface KerasFinding {
  rule: string;
  weight: Weight;
  evidence: string;
  why: string;
}

/** First segments of modules that may be named; by whole segment, so that `math` admits no `mathutils`. */
const roots = new Set(['keras', 'keras_hub', 'keras_nlp', 'keras_cv', 'tf_keras', 'tensorflow', 'builtins']);
/** Names that execute, read files or unlock what is locked, in any module. */
const dangerous = new Map<string, string>(
  Object.entries({
    Lambda: 'a Lambda layer is Python bytecode that runs',
    __lambda__: 'a lambda is Python bytecode that runs',
    TFSMLayer: 'loads a SavedModel from a path, with whatever its graph does',
    TorchModuleWrapper: 'unpickles a module (CVE-2025-49655)',
    get_file: 'downloads and writes a file (CVE-2025-8747)',
    enable_unsafe_deserialization: 'switches safe mode off (CVE-2025-9906)',
    set_global_attribute: 'changes global settings of the loader (CVE-2025-9906)',
    load_model: 'loads another model',
    load_weights: 'loads another file',
    save_model: 'writes a file',
    deserialize_keras_object: 'deserialises again, without the checks of the first pass',
    func_load: 'unmarshals bytecode',
    run_script: 'runs a script',
    FlaxLayer: 'runs a Python function by reference',
    JaxLayer: 'runs a Python function by reference',
  }),
);
const harmlessBuiltins = new Set([
  'NoneType',
  'bool',
  'bytes',
  'dict',
  'float',
  'int',
  'list',
  'set',
  'slice',
  'str',
  'tuple',
  'function',
  '__tensor__',
  '__numpy__',
  '__ellipsis__',
  '__slice__',
  '__typespec__',
  '__bytes__',
]);
/** Parts of Keras that hold things to build, as opposed to things that act. */
const buildable =
  /^(?:keras|tf_keras|tensorflow\.keras|keras\.src|tensorflow\.python\.keras|tf_keras\.src|keras_hub|keras_nlp|keras_cv)(?:\.(?:src|api|_tf_keras|keras|layers|models|activations|initializers|regularizers|constraints|optimizers|losses|metrics|engine|ops|quantizers|applications|engine|dtype_policies|mixed_precision|random|backend|preprocessing|core|convolutional|pooling|normalization|attention|rnn|merging|reshaping|functional|sequential|training|experimental|schedules|learning_rate_schedule|legacy|tokenizers|dtype_policy|variables|common|keras_tensor|[a-z_0-9]+))*$/;

/** Whether a document is a Keras configuration: an object that names a class with its configuration. */
export function isKerasConfig(document: Json): document is JsonObject {
  return isObject(document) && typeof document.get('class_name') === 'string' && document.has('config');
}

export function judgeKeras(document: Json): KerasFinding[] {
  const findings = new Map<string, KerasFinding>();
  const add = (rule: string, weight: Weight, evidence: string, why: string): void => {
    const key = `${rule}\n${evidence}`;
    if (!findings.has(key)) findings.set(key, { rule, weight, evidence, why });
  };
  for (const { path, value } of walkJson(document)) if (isObject(value)) judgeObject(value, path, add);
  return [...findings.values()];
}

type Add = (rule: string, weight: Weight, evidence: string, why: string) => void;

const textAt = (object: JsonObject, key: string): string | undefined => {
  const value = object.get(key);
  return typeof value === 'string' ? value : undefined;
};

function judgeObject(object: JsonObject, path: string, add: Add): void {
  const module = textAt(object, 'module') ?? textAt(object, 'fn_module');
  const name = textAt(object, 'class_name') ?? textAt(object, 'fn_name');
  const registered = textAt(object, 'registered_name');
  for (const key of ['module', 'fn_module', 'function_module', 'output_shape_module']) {
    const other = textAt(object, key);
    if (other !== undefined && (key !== 'module' || name !== undefined)) judgeName(other, name, add);
  }
  // A function by name: the configuration is the name (CVE-2025-1550).
  const called = textAt(object, 'config');
  if (module !== undefined && called !== undefined && (name === 'function' || registered === 'function'))
    judgeName(module, called, add);
  if (name !== undefined && module === undefined) judgeBare(name, path, add);
  if (registered !== undefined) judgeRegistered(registered, path, add);
  for (const key of ['function_type', 'output_shape_type', 'mask_type', 'arguments_type'])
    if (textAt(object, key) === 'lambda')
      add(
        'keras-lambda',
        'malicious',
        `${path}/${key}`,
        'a lambda is Python bytecode that runs when the model loads',
      );
  if (textAt(object, 'function_type') === 'function')
    add(
      'keras-function',
      'suspicious',
      `${path}/function`,
      'a Python function by name runs when the model loads',
    );
  if (
    name === 'StringLookup' ||
    name === 'IntegerLookup' ||
    name === 'IndexLookup' ||
    name === 'TextVectorization'
  )
    judgeVocabulary(object.get('config'), path, add);
}

function judgeName(module: string, name: string | undefined, add: Add): void {
  const evidence = `${module}.${name ?? '?'}`;
  const why = name === undefined ? undefined : dangerous.get(name.split('.').at(-1)!.split('>').at(-1)!);
  if (why !== undefined) {
    add('keras-dangerous-name', 'malicious', evidence, why);
    return;
  }
  const root = module.split('.')[0]!;
  if (module === 'builtins' && (name === undefined || harmlessBuiltins.has(name) || isKerasFunction(name)))
    return;
  if (root === 'builtins' || !roots.has(root)) {
    const { standing } = judgeGlobal(module, name ?? '');
    if (standing === 'dangerous')
      add(
        'keras-dangerous-name',
        'malicious',
        evidence,
        'imports and calls something outside Keras that runs code or reaches files',
      );
    else
      add(
        'keras-custom-class',
        'suspicious',
        evidence,
        'a class outside Keras is imported when the model loads',
      );
    return;
  }
  if (root === 'tensorflow' && !/^tensorflow\.(?:python\.)?keras(?:\.|$)/.test(module))
    add(
      'keras-custom-class',
      /\.(?:io|raw_ops|load_library|py_function|saved_model)\b/.test(`${evidence}.`)
        ? 'malicious'
        : 'suspicious',
      evidence,
      'TensorFlow functions outside Keras can read, write and load',
    );
  else if (
    !buildable.test(module) ||
    /(?:^|\.)(?:utils|saving|config|callbacks|datasets|export|io_utils|file_utils|serialization_lib|serialization|global_state|distribution)(?:\.|$)/.test(
      module,
    )
  )
    add(
      'keras-acting-name',
      /utils|saving|config|file|serialization|global_state/.test(module) ? 'malicious' : 'suspicious',
      evidence,
      'this part of Keras acts on files and settings; it builds no layers',
    );
}

/** Activations and losses are written as functions of `builtins`. */
function isKerasFunction(name: string): boolean {
  return /^[a-z]\w*$/.test(name) && judgeGlobal('builtins', name).standing === 'unknown';
}

function judgeBare(name: string, path: string, add: Add): void {
  const why = dangerous.get(name.split('>').at(-1)!);
  if (why !== undefined) add('keras-dangerous-name', 'malicious', `${path}: ${name}`, why);
  else if (name.includes('>') && !/^(?:Keras|keras|Addons|keras_hub|keras_nlp|keras_cv)>/.test(name))
    add(
      'keras-custom-class',
      'suspicious',
      name,
      'a registered class of another package is called when the model loads',
    );
}

function judgeRegistered(registered: string, path: string, add: Add): void {
  const name = registered.split('>').at(-1)!;
  const why = dangerous.get(name);
  if (why !== undefined) add('keras-dangerous-name', 'malicious', `${path}: ${registered}`, why);
  else if (
    /^(?:eval|exec|compile|system|popen|open|__import__|run|Popen|call|check_output|getattr|setattr)$/.test(
      name,
    )
  )
    add(
      'keras-dangerous-name',
      'malicious',
      `${path}: ${registered}`,
      'the name of something that runs code',
    );
  else if (
    registered.includes('>') &&
    !/^(?:keras|Keras|keras_hub|keras_nlp|keras_cv|Addons)(?:\.[\w.]+)?>/.test(registered)
  )
    add(
      'keras-custom-class',
      'suspicious',
      registered,
      'a registered class of another package is called when the model loads',
    );
}

/** A vocabulary may be a path, which the loader then reads (CVE-2025-12058). */
function judgeVocabulary(config: Json | undefined, path: string, add: Add): void {
  if (!isObject(config)) return;
  for (const key of ['vocabulary', 'idf_weights', 'vocabulary_file']) {
    const value = config.get(key);
    if (typeof value !== 'string' || value === '') continue;
    const wrong = judgePath(value);
    add(
      'keras-file-vocabulary',
      wrong === undefined ? 'suspicious' : 'malicious',
      `${path}/${key}: ${value}`,
      'the loader reads a file or URL that the model names (CVE-2025-12058)',
    );
  }
}
