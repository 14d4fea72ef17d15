import type { Assurance } from '../assurance/assurance.ts';
import type { ReportInput } from '../assurance/report/input.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { controls } from '../gateway/controls/registry.gen.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { placesOf } from '../threat-model/sarif.ts';
import { readmeOf, version } from './assets.ts';
import type { ModelFile } from './model-file.ts';

/** Gathers what a report tells from the running system. */
export async function reportInput(from: {
  model: ModelFile;
  assurance: Assurance;
  ledger: Pick<Ledger, 'checkpoint'>;
  catalogue: Catalogue;
  now: number;
}): Promise<ReportInput> {
  const { model: file, assurance, ledger, catalogue } = from;
  const { model, threats, disabled, plan } = file.current();
  const { probes: evidence, residual } = await assurance.evidence();
  const references = new Map(
    threats
      .flatMap(({ refs }) => refs)
      .flatMap((reference) => {
        const entry = catalogue.resolve(reference);
        return entry
          ? [[reference, { title: entry.title, ...(entry.url ? { url: entry.url } : {}) }] as const]
          : [];
      }),
  );
  const { size, root } = ledger.checkpoint();
  return {
    at: from.now,
    version: version(),
    file: file.file ?? '(no file)',
    places: Object.fromEntries(placesOf(file.text())),
    model,
    plan,
    threats,
    disabled,
    controls: controls.map(({ id, title, area, point }) => {
      const summary = summaryOf(readmeOf(id));
      return { id, title, area, point, ...(summary ? { summary } : {}) };
    }),
    evidence,
    residual,
    references: Object.fromEntries(references),
    ledger: { size, root },
  };
}

/** First paragraph of a README, behind its title. */
function summaryOf(readme: string | undefined): string | undefined {
  return readme
    ?.split(/\n\s*\n/)
    .find((block) => block.trim() !== '' && !block.startsWith('#'))
    ?.trim();
}
