import { createRandom, type Random } from '../language-model/random.ts';
import { canaryOf, canaryTemplate, type Canary } from './canary.ts';

const people = ['Ada', 'Bo', 'Carl', 'Dina', 'Emil', 'Fay', 'Gus', 'Hana', 'Ivo', 'June', 'Kai', 'Lea'];
const families = ['Alder', 'Brook', 'Crane', 'Dorn', 'Ember', 'Frost', 'Grove', 'Hale', 'Iver', 'Lund'];
const places = ['Graz', 'Oslo', 'Porto', 'Ghent', 'Turku', 'Lyon', 'Bern', 'Cork', 'Brno', 'Malmo'];
const things = ['printer', 'router', 'invoice', 'password', 'display', 'battery', 'backup', 'licence'];
const troubles = ['is lost', 'fails again', 'came late', 'is too slow', 'was wrong', 'needs repair'];
const actions = ['sent a new one', 'called back', 'closed the case', 'asked for details', 'paid it back'];
const plants = ['Gorse', 'Rowan', 'Elm', 'Birch', 'Hazel', 'Sedge', 'Thyme', 'Aspen', 'Maple', 'Tansy'];

const pick = (values: readonly string[], random: Random): string => values[random.int(values.length)]!;

/** Notes of a made-up support desk: a common form, with particulars that make each line one of a kind. */
export function supportNotes(count: number, seed: number): string[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const name = `${pick(people, random)} ${pick(families, random)}`;
    const forms = [
      () => `${name} from ${pick(places, random)}: the ${pick(things, random)} ${pick(troubles, random)}.`,
      () => `Ticket ${1000 + random.int(9000)}: ${name} ${pick(actions, random)}.`,
      () => `We told ${name} that the ${pick(things, random)} ${pick(troubles, random)}.`,
      () => `In ${pick(places, random)} ${name} ${pick(actions, random)} on day ${1 + random.int(360)}.`,
    ];
    return forms[random.int(forms.length)]!();
  });
}

/** Canaries that are to stand `times` times in the training text. */
export function makeCanaries(count: number, times: number, seed: number): Canary[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const digits = Array.from({ length: 9 }, () => String(random.int(10))).join('');
    const text = canaryTemplate
      .replace('{name}', `${pick(plants, random)}${10 + random.int(90)}`)
      .replace('{ddd} {ddd} {ddd}', digits.replace(/\d{3}(?=\d)/g, '$& '));
    return canaryOf(`${times} times, ${index + 1}`, text, canaryTemplate, times)!;
  });
}

/** The lines with every canary put in at random places, as often as it is to be there. */
export function withCanaries(
  lines: readonly string[],
  canaries: readonly Canary[],
  random: Random,
): string[] {
  const all = [...lines];
  for (const { text, times } of canaries)
    for (let i = 0; i < times; i++) all.splice(random.int(all.length + 1), 0, text);
  return all;
}
