import type { DetectorKind } from '../kernel/control.ts';
import type { Finding, Surface } from '../kernel/finding.ts';
import { detectPii } from './pii/detector.ts';
import { createSecretDetector } from './secrets/detector.ts';

/** A model that reads whole texts: findings at the shipped threshold, and the score below it. */
export interface TextDetector {
  detect(text: string, surface: Surface): Finding[];
  score(text: string, surface: Surface): number;
}

/** What the inspector needs from assets/inspection, already read and parsed by the composition root. */
export interface InspectionAssets {
  /** secrets.json */
  secrets: unknown;
  injection?: TextDetector;
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

/** @throws Problem ASSET_MISSING when an asset does not have the shape that this build expects */
export function createInspector({ secrets, injection, harm }: InspectionAssets): Inspector {
  const secret = createSecretDetector(secrets);
  return {
    inspect(text, surface, kinds) {
      const findings: Finding[] = [];
      for (const kind of kinds) {
        switch (kind) {
          case 'secret':
            findings.push(...secret.detect(text));
            break;
          case 'pii':
            findings.push(...detectPii(text));
            break;
          case 'injection':
            findings.push(...(injection?.detect(text, surface) ?? []));
            break;
          case 'harm':
            findings.push(...(harm?.detect(text, surface) ?? []));
            break;
        }
      }
      return findings.sort((left, right) => left.start - right.start || left.end - right.end);
    },
    scores(text, surface) {
      return {
        ...(injection === undefined ? {} : { prompt_injection: injection.score(text, surface) }),
        ...(harm === undefined ? {} : { harm: harm.score(text, surface) }),
      };
    },
    hold(text, kinds) {
      if (kinds.some((kind) => kind !== 'secret')) return text.length;
      return secret.hold(text);
    },
  };
}
