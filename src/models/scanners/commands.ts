import { defineCommand, type Command, type ExitCode, type Io } from '../../kernel/command.ts';
import type { ScanResult, ScanVerdict } from './contract.ts';

/** `merlon artifact scan`. */
export function commands(): Command[] {
  return [
    defineCommand({
      name: 'artifact scan',
      summary: 'Scan model files for code that runs when they are loaded; exit code 1 when one is not clean',
      arguments: [
        {
          name: 'files',
          description: 'Model files, or folders: every file in them, and each folder as one model.',
          variadic: true,
        },
      ],
      examples: [
        'merlon artifact scan model.safetensors',
        'merlon artifact scan --json models/ | jq .verdict',
      ],
      async run({ args }, io) {
        return scanAll((args as Record<string, unknown>)['files'] as string[], io);
      },
    }),
  ];
}

const colours: Record<ScanVerdict, number> = { clean: 32, suspicious: 33, malicious: 31, error: 35 };

async function scanAll(paths: readonly string[], io: Io): Promise<ExitCode> {
  const { filesBelow, openScanner } = await import('./scan.ts');
  const targets = paths.flatMap((path) => {
    const files = filesBelow(path);
    return files.length === 1 && files[0] === path ? files : [path, ...files];
  });
  const scanner = openScanner();
  const bar = io.progress('scanning', targets.length);
  let bad = 0;
  for (const [index, target] of targets.entries()) {
    const result = await scanner.scan(target);
    bar.tick(index + 1, target);
    if (result.verdict !== 'clean') bad += 1;
    if (io.json) io.out(JSON.stringify(result));
    else print(result, io);
  }
  bar.end();
  scanner.close();
  if (!io.json && targets.length > 1) io.out(`${targets.length - bad} of ${targets.length} clean`);
  return bad === 0 ? 0 : 1;
}

function print({ file, format, verdict, findings }: ScanResult, io: Io): void {
  const word = verdict.padEnd(10);
  const shown = io.color ? `\u001b[${colours[verdict]}m${word}\u001b[0m` : word;
  io.out(`${shown}  ${format.padEnd(12)}  ${file}`);
  for (const { rule, severity, offset, evidence, why } of findings)
    io.out(`  ${severity.padEnd(8)}  ${rule}  at ${offset}  ${evidence}\n            ${why}`);
}
