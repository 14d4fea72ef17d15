import type { Finding, Surface } from '../../kernel/finding.ts';
import type { View } from '../normalise/view.ts';
import { views as viewsOf } from '../normalise/views.ts';
import { createPreparer, type Prepared } from './features.ts';
import { isBareName, isQuestion } from './speech-act.ts';
import { calibrate, createScorer, parseLinearModel, type Best, type Calibration } from './linear-model.ts';

/** Contents of `assets/inspection/injection-user.bin` and `injection-context.bin`. */
export interface InjectionAssets {
  user: Uint8Array;
  context: Uint8Array;
}

/** One reading of a text by the model: findings are made from it when somebody wants them. */
export interface InjectionReading {
  score: number;
  /** The best window when its score reaches the threshold. */
  findings(threshold: number): Finding[];
}

export interface InjectionDetector {
  /** `views` are those of the text. */
  read(text: string, surface: Surface, views: readonly View[]): InjectionReading;
  /** 0..1, comparable across texts and surfaces; 0.5 is the shipped threshold (1 % false positives on the calibration set). */
  score(text: string, surface: Surface, views?: readonly View[]): number;
  /** The best window when the score reaches the threshold, at its place in the text. */
  detect(text: string, surface: Surface, options?: DetectOptions): Finding[];
}

export interface DetectOptions {
  /** Default: `shippedThreshold`. 0 gives a finding for every text. */
  threshold?: number;
  /** Readings of the text, where the caller has them already. */
  views?: readonly View[];
}

/** Scores are calibrated per surface so that one threshold fits all. */
export const shippedThreshold = 0.5;

/** Text hidden from people in characters that have no other use is suspicious whatever it says; shorter is noise. */
const hiddenText = { units: 8, score: 0.9 };

/** A reading that nobody wrote by accident: an attack found only after decoding is one without doubt. */
interface Judged {
  score: number;
  start: number;
  end: number;
  view: View;
}

/** Prompt injection and jailbreak detector: hashed n-grams, words and concepts under a linear model, best window of all readings. */
export function createInjectionDetector(assets: InjectionAssets): InjectionDetector {
  const models = {
    user: parseLinearModel(assets.user, 'injection-user.bin'),
    context: parseLinearModel(assets.context, 'injection-context.bin'),
  };
  const scorers = {
    user: createScorer(models.user),
    context: createScorer(models.context),
  };

  const prepare = createPreparer();
  const userSurfaces = models.user.header.surfaces;

  function judge(text: string, surface: Surface, views: readonly View[]): Judged {
    const kind = surface === 'document' || surface === 'tool_result' ? 'context' : 'user';
    const calibration = calibrationFor(models[kind].header.surfaces, surface, kind);
    let top: Judged = { score: 0, start: 0, end: text.length, view: views[0]! };
    for (const view of views) {
      if (view.superseded || view.text === '') continue;
      const prepared = prepare(view.text);
      if (prepared.words === 0) continue;
      const best: Best = scorers[kind](prepared);
      const score = Math.max(
        weigh(view.text, prepared, best),
        view.hidden >= hiddenText.units ? hiddenText.score : 0,
      );
      if (score <= top.score) continue;
      const start = prepared.at[best.from]!;
      const end = prepared.at[best.to - 1]! + 1;
      top = { score, ...view.locate(start, end), view };
    }
    return top;

    /** A name is not prose; a mere question from a document is judged as if a person had asked it. */
    function weigh(read: string, prepared: Prepared, best: Best): number {
      if (isBareName(read, prepared)) return 0;
      const score = calibrate(best, calibration);
      if (kind === 'user' || score < shippedThreshold || !isQuestion(read, prepared)) return score;
      return Math.min(score, calibrate(scorers.user(prepared), calibrationFor(userSurfaces, 'user', 'user')));
    }
  }

  function read(text: string, surface: Surface, views: readonly View[]): InjectionReading {
    const { score, start, end, view } = judge(text, surface, views);
    return {
      score,
      findings: (threshold) =>
        score < threshold
          ? []
          : [
              {
                type: isJailbreak(view.text) ? 'jailbreak' : 'prompt_injection',
                detector:
                  surface === 'document' || surface === 'tool_result'
                    ? 'injection-context'
                    : 'injection-user',
                score,
                start,
                end,
                reason: reasonFor(view),
              },
            ],
    };
  }

  return {
    read,
    score: (text, surface, views = viewsOf(text)) => read(text, surface, views).score,
    detect: (text, surface, { threshold = shippedThreshold, views = viewsOf(text) } = {}) =>
      read(text, surface, views).findings(threshold),
  };
}

function calibrationFor(surfaces: Record<string, Calibration>, surface: Surface, kind: string): Calibration {
  return surfaces[surface] ?? surfaces[kind === 'user' ? 'user' : 'document']!;
}

function reasonFor(view: View): string {
  if (view.hidden >= hiddenText.units) return 'text hidden in characters that people do not see';
  if (view.depth > 0)
    return `reads like instructions to the model once it is ${undone[view.name] ?? 'decoded'}`;
  return 'reads like instructions that override the rules of the model';
}

const undone: Partial<Record<View['name'], string>> = {
  leet: 'spelt in letters',
  joined: 'spelt without gaps',
  rot13: 'rotated back',
  reversed: 'read backwards',
};

const personas =
  /\b(?:role[- ]?play|pretend|persona|jailbr\w+|uncensored|unfiltered|DAN|do anything now|without (?:any )?(?:restrictions|filters|limits)|developer mode|fictional|in character|hypothetical)\b/i;

/** Lifting restrictions by a role or a story, rather than giving new orders. Names the finding; does not decide it. */
function isJailbreak(text: string): boolean {
  return personas.test(text.length > 20_000 ? text.slice(0, 20_000) : text);
}
