import type { Io } from '../kernel/command.ts';

/** The real terminal. A reader that goes away early (`| head`) is no error. */
export function terminal(): Omit<Io, 'json'> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exitCode = 0;
  });
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    cwd: process.cwd(),
    env: process.env,
    color: process.stdout.isTTY && !process.env['NO_COLOR'],
    out: (line) => process.stdout.write(`${line}\n`),
    note: (line) => process.stderr.write(`${line}\n`),
    progress,
  };
}

function progress(label: string, total: number): { tick(done: number, note?: string): void; end(): void } {
  if (!process.stderr.isTTY) return { tick() {}, end() {} };
  const width = 24;
  let last = 0;
  return {
    tick(done, note = '') {
      const now = Date.now();
      if (done < total && now - last < 80) return;
      last = now;
      const filled = total === 0 ? width : Math.round((Math.min(done, total) / total) * width);
      process.stderr.write(
        `\r${label} [${'█'.repeat(filled)}${'·'.repeat(width - filled)}] ${done}/${total} ${note.slice(0, 40)}\u001b[K`,
      );
    },
    end() {
      process.stderr.write('\r\u001b[K');
    },
  };
}
