import type { DetectorKind } from '../kernel/control.ts';
import type { Finding, Surface } from '../kernel/finding.ts';
import { createHarmDetector, type HarmReading } from './harm/detector.ts';
import {
  createInjectionDetector,
  shippedThreshold,
  type InjectionAssets,
  type InjectionReading,
} from './injection/detector.ts';
import { createNameDetector } from './names/detector.ts';
import type { View } from './normalise/view.ts';
import { views as viewsOf } from './normalise/views.ts';
import { detectPii, piiTriggers } from './pii/detector.ts';
import { compileTogether, type Window } from './scan/windows.ts';
import { createSecretDetector } from './secrets/detector.ts';

/** What the inspector needs from assets/inspection, already read by the composition root. */
export interface InspectionAssets {
  /** secrets.json, parsed. */
  secrets: unknown;
  /** The two injection models; without them nothing is called an injection. */
  injection?: InjectionAssets;
  /** harm.bin: the model of harmful outputs; without it nothing is called harmful. */
  harm?: Uint8Array;
  /** names.bin: the tagger of people, places and organisations; without it none is found. */
  names?: Uint8Array;
}

/** Text → findings. Pure and fast; positions are UTF-16 units of the text that was given. */
export interface Inspector {
  inspect: (text: string, surface: Surface, kinds: readonly DetectorKind[]) => Finding[];
  /** Scores of the models, 0..1, also below their thresholds. */
  scores: (text: string, surface: Surface) => Record<string, number>;
  /** How many trailing units may be the beginning of a finding, so that a stream must hold them. */
  hold: (text: string, kinds: readonly DetectorKind[]) => number;
}

/** What `merlon inspect` looks for. `names` is asked for by name only: it reads slower, and its findings are less sure. */
export const detectorKinds: readonly DetectorKind[] = ['injection', 'secret', 'pii', 'harm'];

/** Readings in which a secret or an identifier is still exact. */
const exact = new Set<View['name']>(['clean', 'decoded', 'rot13', 'reversed']);

/** @throws Problem ASSET_MISSING when an asset does not have the shape that this build expects */
export function createInspector({ secrets, injection, harm, names }: InspectionAssets): Inspector {
  const secret = createSecretDetector(secrets);
  const harms = harm && createHarmDetector(harm);
  const nameDetector = names && createNameDetector(names);
  const injections = injection && createInjectionDetector(injection);

  const together = compileTogether([secret.triggers, piiTriggers]);
  const windowsKnown = new WeakMap<View, Window[][]>();
  /** Where secrets and personal data may be: one pass over a reading for both. */
  const windowsIn = (view: View): Window[][] => {
    let windows = windowsKnown.get(view);
    if (!windows) windowsKnown.set(view, (windows = together(view.text)));
    return windows;
  };

  // Controls ask kind by kind, and scores come after findings: what is known of a text is kept until the next one.
  let last: Known | undefined;
  const reading = (text: string, surface: Surface): Known =>
    last?.text === text && last.surface === surface
      ? last
      : (last = { text, surface, views: last?.text === text ? last.views : viewsOf(text) });

  function injectionIn(text: string, surface: Surface): InjectionReading | undefined {
    const known = reading(text, surface);
    return (known.injection ??= injections?.read(text, surface, known.views));
  }

  function harmIn(text: string, surface: Surface): HarmReading | undefined {
    if (!saidByModel(surface)) return undefined;
    const known = reading(text, surface);
    return (known.harm ??= harms?.read(text, known.views));
  }

  function detect(kind: DetectorKind, text: string, surface: Surface): Finding[] {
    switch (kind) {
      case 'secret':
        return inEveryReading(reading(text, surface).views, (view) =>
          secret.detect(view.text, windowsIn(view)[0]),
        );
      case 'pii':
        return inEveryReading(reading(text, surface).views, (view) =>
          detectPii(view.text, windowsIn(view)[1]),
        );
      case 'injection':
        return injectionIn(text, surface)?.findings(shippedThreshold) ?? [];
      case 'names':
        return nameDetector?.detect(text) ?? [];
      case 'harm':
        return harmIn(text, surface)?.findings(shippedThreshold) ?? [];
    }
  }

  return {
    inspect: (text, surface, kinds) =>
      text === ''
        ? []
        : kinds
            .flatMap((kind) => detect(kind, text, surface))
            .sort((left, right) => left.start - right.start || left.end - right.end),
    scores: (text, surface) => ({
      ...(injections && { prompt_injection: injectionIn(text, surface)?.score ?? 0 }),
      ...(harms && saidByModel(surface) && { harm: harmIn(text, surface)?.score ?? 0 }),
    }),
    hold: (text, kinds) => (kinds.every((kind) => kind === 'secret') ? secret.hold(text) : text.length),
  };
}

/** What is known of the text that was read last. */
interface Known {
  text: string;
  surface: Surface;
  views: readonly View[];
  injection?: InjectionReading | undefined;
  harm?: HarmReading | undefined;
}

/** Harmful use is judged in what a model says or asks for, not in what people ask. */
function saidByModel(surface: Surface): boolean {
  return surface === 'assistant' || surface === 'tool_call';
}

/** What is found as written, and what only a decoded reading shows, at its place in the original. */
function inEveryReading(views: readonly View[], detect: (view: View) => Finding[]): Finding[] {
  const found = detect(views[0]!);
  for (const view of views) {
    if (!exact.has(view.name)) continue;
    for (const finding of detect(view)) {
      const { start, end } = view.locate(finding.start, finding.end);
      if (!found.some((other) => other.start < end && start < other.end))
        found.push({ ...finding, start, end });
    }
  }
  return found;
}
