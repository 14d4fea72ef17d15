import type { DetectorKind } from '../kernel/control.ts';
import type { Finding, Surface } from '../kernel/finding.ts';
import { createInjectionDetector, type InjectionAssets } from './injection/detector.ts';
import type { View } from './normalise/view.ts';
import { views as viewsOf } from './normalise/views.ts';
import { detectPii } from './pii/detector.ts';
import { createSecretDetector } from './secrets/detector.ts';

/** A model that reads whole texts: findings at the shipped threshold, and the score below it. */
export interface TextDetector {
  detect(text: string, surface: Surface, options?: { views?: readonly View[] }): Finding[];
  score(text: string, surface: Surface, views?: readonly View[]): number;
}

/** What the inspector needs from assets/inspection, already read by the composition root. */
export interface InspectionAssets {
  /** secrets.json, parsed. */
  secrets: unknown;
  /** The two injection models; without them nothing is called an injection. */
  injection?: InjectionAssets;
  /** Harmful use of outputs; made by `createHarmDetector`. */
  harm?: TextDetector;
}

/** Text → findings. Pure and fast; positions are UTF-16 units of the text that was given. */
export interface Inspector {
  inspect(text: string, surface: Surface, kinds: readonly DetectorKind[]): Finding[];
  /** Scores of the models, 0..1, also below their thresholds. */
  scores(text: string, surface: Surface): Record<string, number>;
  /** How many trailing units may be the beginning of a finding, so that a stream must hold them. */
  hold(text: string, kinds: readonly DetectorKind[]): number;
}

export const detectorKinds: readonly DetectorKind[] = ['injection', 'secret', 'pii', 'harm'];

/** Readings in which a secret or an identifier is still exact. */
const exact = new Set<View['name']>(['clean', 'decoded', 'rot13', 'reversed']);

/** @throws Problem ASSET_MISSING when an asset does not have the shape that this build expects */
export function createInspector({ secrets, injection, harm }: InspectionAssets): Inspector {
  const secret = createSecretDetector(secrets);
  const injections: TextDetector | undefined = injection && createInjectionDetector(injection);

  function detect(kind: DetectorKind, text: string, surface: Surface, views: readonly View[]): Finding[] {
    switch (kind) {
      case 'secret':
        return inEveryReading(views, secret.detect);
      case 'pii':
        return inEveryReading(views, detectPii);
      case 'injection':
        return injections?.detect(text, surface, { views }) ?? [];
      case 'harm':
        break;
    }
    return harm?.detect(text, surface, { views }) ?? [];
  }

  return {
    inspect(text, surface, kinds) {
      if (text === '') return [];
      const views = viewsOf(text);
      return kinds
        .flatMap((kind) => detect(kind, text, surface, views))
        .sort((left, right) => left.start - right.start || left.end - right.end);
    },
    scores(text, surface) {
      const views = viewsOf(text);
      return {
        ...(injections && { prompt_injection: injections.score(text, surface, views) }),
        ...(harm && { harm: harm.score(text, surface, views) }),
      };
    },
    hold: (text, kinds) => (kinds.every((kind) => kind === 'secret') ? secret.hold(text) : text.length),
  };
}

/** What is found as written, and what only a decoded reading shows, at its place in the original. */
function inEveryReading(views: readonly View[], detect: (text: string) => Finding[]): Finding[] {
  const found = detect(views[0]!.text);
  for (const view of views) {
    if (!exact.has(view.name)) continue;
    for (const finding of detect(view.text)) {
      const { start, end } = view.locate(finding.start, finding.end);
      if (!found.some((other) => other.start < end && start < other.end))
        found.push({ ...finding, start, end });
    }
  }
  return found;
}
