import type { Reporter, TestModule } from 'vitest/node';

/** Prints `N passed, N failed` as the last line; files that do not load and unhandled errors count as failed. */
export default class TallyReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandled.length;
    let skipped = 0;
    for (const module of modules) {
      if (module.state() === 'failed' && module.errors().length > 0) failed += 1;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'failed') failed += 1;
        else skipped += 1;
      }
    }
    if (skipped > 0) console.log(`skipped: ${skipped}`);
    process.once('exit', () => console.log(`${passed} passed, ${failed} failed`));
  }
}
