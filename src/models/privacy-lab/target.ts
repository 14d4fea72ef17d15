import type { ByteModel } from '../language-model/model.ts';
import { generate } from '../language-model/generate.ts';

/** A text of which only the part from `from` on (UTF-16 units) is scored, given what is before it. */
export interface ScoreRequest {
  text: string;
  from: number;
}

/** A model under attack. */
export interface Target {
  name: string;
  /** ln p of the tokens of each text; undefined when the target does not tell them. */
  score(requests: readonly ScoreRequest[]): Promise<Float64Array[] | undefined>;
  /** The likeliest continuation, of about `length` UTF-16 units. */
  complete(prompt: string, length: number): Promise<string>;
}

/** The embedded model as a target. */
export function modelTarget(name: string, model: ByteModel): Target {
  return {
    name,
    score: (requests) =>
      Promise.resolve(
        requests.map(({ text, from }) =>
          model.logProbabilities(Buffer.from(text), Buffer.byteLength(text.slice(0, from))),
        ),
      ),
    complete: (prompt, length) =>
      Promise.resolve(
        Buffer.from(
          generate(model, Buffer.from(prompt), { length, seed: 1, temperature: 0, stop: 10 }),
        ).toString('utf8'),
      ),
  };
}
