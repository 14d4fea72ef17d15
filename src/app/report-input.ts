import type { Assurance } from '../assurance/assurance.ts';
import type { ReportInput } from '../assurance/report/input.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { controls } from '../gateway/controls/registry.gen.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { atLeast, type Level } from '../kernel/severity.ts';
import { drawSvg } from '../threat-model/layout/svg.ts';
import type { Threat } from '../threat-model/rules.ts';
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
    diagram: drawSvg({
      title: model.system.name,
      zones: model.zones,
      elements: model.elements,
      flows: model.flows,
      levels: worstLevels(threats, residual),
    }),
    ledger: { size, root },
  };
}

/** Worst residual level of the threats at each element and flow. */
function worstLevels(
  threats: readonly Threat[],
  residual: readonly { key: string; level: Level }[],
): Record<string, Level> {
  const levelOf = new Map(residual.map(({ key, level }) => [key, level]));
  const worst: Record<string, Level> = {};
  for (const { key, element, flow, level } of threats) {
    const now = levelOf.get(key) ?? level;
    for (const place of flow === undefined ? [element] : [flow]) {
      if (worst[place] === undefined || atLeast(now, worst[place])) worst[place] = now;
    }
  }
  return worst;
}

/** First paragraph of a README, behind its title. */
function summaryOf(readme: string | undefined): string | undefined {
  return readme
    ?.split(/\n\s*\n/)
    .find((block) => block.trim() !== '' && !block.startsWith('#'))
    ?.trim();
}
