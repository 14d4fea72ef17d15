import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type Page } from 'playwright-core';

/** Where real browsers live. `MERLON_CHROMIUM` names another. */
const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

export function findChromium(): string | undefined {
  const named = process.env['MERLON_CHROMIUM'];
  return [...(named ? [named] : []), ...places].find((path) => existsSync(path));
}

export interface View {
  width: number;
  height: number;
  scheme: 'light' | 'dark';
}

/** A person in front of a fresh browser: `page`, and everything the browser complained about. */
export interface Visitor {
  page: Page;
  complaints: string[];
  close(): Promise<void>;
}

/** Starts a browser with a profile of its own that goes with it. Each visit is a fresh context of it. */
export function startBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

/** A person who was never here before. */
export async function visit(browser: Browser, view: View): Promise<Visitor> {
  const context = await browser.newContext({
    viewport: { width: view.width, height: view.height },
    colorScheme: view.scheme,
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return { page, complaints, close: () => context.close() };
}

function axeSource(): string {
  return readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
}

const everything =
  "{ type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }";
const colours = "{ type: 'rule', values: ['color-contrast', 'link-in-text-block'] }";

/** What axe finds against WCAG 2.2 AA, one line per violation. In the dark only what depends on colour is looked at again. */
export async function barriers(
  page: Page,
  { scheme }: Pick<View, 'scheme'> = { scheme: 'light' },
): Promise<string[]> {
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axeSource());
  const rules = scheme === 'light' ? everything : colours;
  const { violations } = await page.evaluate<AxeResult>(`axe.run(document, { runOnly: ${rules} })`);
  return violations.map(({ id, nodes }) => {
    const places = nodes
      .slice(0, 3)
      .map(({ target, failureSummary = '' }) => `${target.join(' ')} ${failureSummary}`);
    return `${id}: ${places.join('; ')}`;
  });
}

interface AxeResult {
  violations: { id: string; nodes: { target: string[]; failureSummary?: string }[] }[];
}
