import type { Finding, Surface } from '../../kernel/finding.ts';
import { createPreparer } from '../injection/features.ts';
import { calibrate, createScorer, parseLinearModel } from '../injection/linear-model.ts';
import type { View } from '../normalise/view.ts';
import { views as viewsOf } from '../normalise/views.ts';
import { harmShapes, speaksAgainst } from './structure.ts';

/** One reading of a text by the model: findings are made from it when somebody wants them. */
export interface HarmReading {
  score: number;
  /** One finding over the whole text when its score reaches the threshold. */
  findings(threshold: number): Finding[];
}

export interface HarmDetector {
  /** `views` are those of the text. */
  read(text: string, views: readonly View[]): HarmReading;
  /** 0..1; 0.5 is the shipped threshold. */
  score(text: string, surface: Surface): number;
  /** One finding over the whole text when it reaches 0.5, with the kind of harm as type where it has a known shape. */
  detect(text: string, surface: Surface): Finding[];
}

/** Score of a text with the shape of a harm; one that speaks against it needs the model to agree. */
const shapeScore = { plain: 0.8, against: 0.3 };

/** Harmful use of outputs: a linear model over the same features as injection, and shapes. `asset` is harm.bin. */
export function createHarmDetector(asset: Uint8Array): HarmDetector {
  const model = parseLinearModel(asset, 'harm.bin');
  const scorer = createScorer(model);
  const prepare = createPreparer();
  const calibration = model.header.surfaces['assistant']!;

  function judge(views: readonly View[]): { score: number; type: string } {
    let top = { score: 0, type: 'harmful_output' };
    for (const view of views) {
      if (view.superseded || view.text === '') continue;
      const prepared = prepare(view.text);
      if (prepared.words < 4) continue;
      const [shape] = harmShapes(view.text);
      const against = speaksAgainst(view.text);
      const learned = calibrate(scorer(prepared), calibration);
      const shaped = shape === undefined ? 0 : against ? shapeScore.against : shapeScore.plain;
      const score = Math.max(against ? learned * shapeScore.plain : learned, shaped);
      if (score > top.score) top = { score, type: shape ?? 'harmful_output' };
    }
    return top;
  }

  function read(text: string, views: readonly View[]): HarmReading {
    const { score, type } = judge(views);
    return {
      score,
      findings: (threshold) =>
        score < threshold
          ? []
          : [
              {
                type,
                detector: 'harm',
                score,
                start: 0,
                end: text.length,
                reason: reasons[type] ?? reasons['harmful_output']!,
              },
            ],
    };
  }

  return {
    read,
    score: (text) => judge(viewsOf(text)).score,
    detect: (text) => read(text, viewsOf(text)).findings(0.5),
  };
}

const reasons: Record<string, string> = {
  phishing: 'reads like a message that hurries its reader to give away a sign-in',
  malware: 'reads like a program that spies, hides or destroys',
  fraud: 'reads like a demand for money under a false pretext',
  disinformation: 'reads like a made-up claim that wants to be spread',
  impersonation: 'reads like somebody who pretends to be another person',
  harmful_output: 'reads like content for harmful use',
};
