import { defineScanner, type Weight } from '../contract.ts';
import { isText, textOf } from '../text-content.ts';

// Not a Python parser: a reader of logical lines that knows which of them run when the file is imported, and what they call.

const declaredName = /\.pyw?$/i;

export const scanner = defineScanner({
  id: 'python',
  title: 'Python source, TorchScript code',

  recognise(source, { name, role }) {
    if (!isText(source)) return undefined;
    if (declaredName.test(name) || role === 'torchscript-code') return 'likely';
    const head = source.read(0, 4096).toString('utf8');
    // Documentation shows code without running it.
    if (/^\s*```/m.test(head)) return undefined;
    return /^(?:import [\w.]+(?:\s*(?:,|as|$|#))|from [\w.]+ import |def \w+\(|class \w+[(:]|async def )/m.test(
      head,
    ) && !/^\s*</.test(head)
      ? 'likely'
      : undefined;
  },

  scan(source, context) {
    const text = textOf(source);
    if (text === undefined) {
      context.report({
        rule: 'python-unread',
        weight: 'suspicious',
        offset: 0,
        evidence: `${source.size} bytes`,
        why: 'too large to be read whole',
      });
      return;
    }
    if (context.role === 'torchscript-code') {
      judgeTorchScript(text, (offset, evidence) =>
        context.report({
          rule: 'torchscript-operator',
          weight: 'malicious',
          offset,
          evidence,
          why: 'this operator reads or writes files, or loads a library',
        }),
      );
      return;
    }
    for (const finding of judgePython(text, declaredName.test(context.name))) context.report(finding);
  },
});

/** Operators of TorchScript that reach outside the model. */
function judgeTorchScript(text: string, report: (offset: number, evidence: string) => void): void {
  for (const found of text.matchAll(
    /\b(?:ops\.aten\.(?:save|from_file)|torch\.(?:save|load|from_file|ops\.load_library|classes\.load_library)|ops\.load_library|ops\.(?:torchaudio|image|torchvision)\.(?:\w*(?:read|write|load|save)_?\w*)|ops\.prim\.(?:rpc_\w+|fork)|torch\.distributed|ops\.(?:c10d|rpc)\b|ops\.quantized\.load|prim\.(?:PythonOp|rpc_\w+))\b/g,
  ))
    report(found.index, found[0]);
}

const running =
  /\b(?:os\.(?:system|popen|exec\w*|spawn\w*|posix_spawn\w*|startfile|fork\w*|putenv|kill)|subprocess\.\w+|pty\.spawn|commands\.getoutput|popen2?|Popen|check_output|check_call|exec|eval|execfile|compile|__import__|importlib\.(?:import_module|util\.\w+)|runpy\.\w+|marshal\.loads?|pickle\.loads?|cPickle\.loads?|dill\.loads?|ctypes\.\w+|cdll\.\w+|CDLL|socket\.(?:socket|create_connection)|urllib\.request\.\w+|urlopen|urlretrieve|requests\.(?:get|post|put|request|Session)|httpx\.\w+|aiohttp\.\w+|ftplib\.\w+|smtplib\.\w+|telnetlib\.\w+|paramiko\.\w+|webbrowser\.open|shutil\.(?:rmtree|move|copy\w*)|os\.(?:remove|unlink|rmdir|chmod|rename|symlink)|codecs\.decode|base64\.b\d+decode|zlib\.decompress|getattr\(\s*__builtins__|globals\(\)\s*\[|sys\.modules\s*\[|builtins\.\w+)\s*(?:\(|\[)/;
/** Calls that are harmless after these words: methods of objects with the same name. */
const methodCall = /[\w)\]]\.(?:eval|compile|exec)\s*\(/g;

export interface PythonFinding {
  rule: string;
  weight: Weight;
  offset: number;
  evidence: string;
  why: string;
}

/** What runs when the file is imported (malicious), and what its functions can do (suspicious). */
export function judgePython(text: string, whole: boolean): PythonFinding[] {
  const findings: PythonFinding[] = [];
  const names = aliases(text);
  for (const { line, offset, atImport } of logicalLines(text)) {
    const code = withAliases(stripStrings(line), names);
    if (
      /^\s*(?:import|from|def|class|async def|#|@)\b/.test(code) &&
      !/[;:]\s*\S/.test(code.replace(/\([^)]*\)/g, ''))
    )
      continue;
    const found = running.exec(code.replaceAll(methodCall, ' '));
    if (found === null) continue;
    const heavy =
      /os\.system|os\.popen|subprocess|Popen|pty\.|exec|eval|__import__|marshal|pickle|ctypes|CDLL|socket|urlopen|urlretrieve|requests\.|httpx|popen|runpy|shutil\.rmtree|paramiko|ftplib|smtplib|builtins/.test(
        found[0],
      );
    findings.push({
      rule: atImport ? 'python-runs-at-import' : 'python-capability',
      weight: atImport && heavy ? 'malicious' : atImport || heavy ? 'suspicious' : 'note',
      offset,
      evidence: line.trim(),
      why: atImport ? 'runs as soon as the file is imported' : 'runs when the loader calls this function',
    });
  }
  if (!whole) return findings.filter(({ weight }) => weight !== 'note');
  return findings;
}

/** `import os as o`, `from os import system as s`: local name → what it stands for. */
function aliases(text: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const [, module, list] of text.matchAll(/^\s*from\s+([\w.]+)\s+import\s+\(?([^)\n#]+)/gm))
    for (const part of list!.split(',')) {
      const [, name, alias] = /^\s*(\w+)(?:\s+as\s+(\w+))?\s*$/.exec(part) ?? [];
      if (name !== undefined) out.set(alias ?? name, `${module!}.${name}`);
    }
  for (const [, list] of text.matchAll(/^\s*import\s+([^\n#;]+)/gm))
    for (const part of list!.split(',')) {
      const [, name, alias] = /^\s*([\w.]+)\s+as\s+(\w+)\s*$/.exec(part) ?? [];
      if (name !== undefined && alias !== undefined) out.set(alias, name);
    }
  for (const [, name, value] of text.matchAll(
    /^\s*(\w+)\s*=\s*((?:os|subprocess|builtins|sys|socket|pty)\.\w+|exec|eval|__import__)\s*$/gm,
  ))
    out.set(name!, value!);
  return out;
}

function withAliases(code: string, names: ReadonlyMap<string, string>): string {
  if (names.size === 0) return code;
  return code.replaceAll(/(?<![\w.])([A-Za-z_]\w*)(?=\s*[.(])/g, (word) => names.get(word) ?? word);
}

/** Texts become empty, so that what they say is no call. */
function stripStrings(line: string): string {
  return line
    .replaceAll(/[rbfuRBFU]{0,2}(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')/g, "''")
    .replace(/#.*$/, '');
}

interface Line {
  line: string;
  offset: number;
  atImport: boolean;
}

function* logicalLines(text: string): Generator<Line> {
  let inText: string | undefined;
  let functionIndent: number | undefined;
  let offset = 0;
  for (const line of text.split('\n')) {
    const start = offset;
    offset += line.length + 1;
    if (inText !== undefined) {
      const end = line.indexOf(inText);
      if (end < 0) continue;
      inText = undefined;
      continue;
    }
    if (line.trim() === '') continue;
    const indent = /^\s*/.exec(line)![0].length;
    if (functionIndent !== undefined && indent <= functionIndent) functionIndent = undefined;
    yield { line, offset: start, atImport: functionIndent === undefined };
    if (functionIndent === undefined && /^\s*(?:(?:async\s+)?def\s|if\s+__name__\s*==)/.test(line))
      functionIndent = indent;
    const opened = /"""|'''/.exec(stripPaired(line));
    if (opened !== null) inText = opened[0];
  }
}

function stripPaired(line: string): string {
  return line.replaceAll(/"""[\s\S]*?"""|'''[\s\S]*?'''/g, '');
}
