/** Language of an answer by script and by words that no sentence goes without. Rough on purpose: it must be stable, not clever. */

const scripts: readonly [name: string, test: RegExp][] = [
  ['ja', /[\u3040-\u30ff]/u],
  ['ko', /[\uac00-\ud7af\u1100-\u11ff]/u],
  ['zh', /[\u3400-\u9fff]/u],
  ['ru', /[\u0400-\u04ff]/u],
  ['ar', /[\u0600-\u06ff]/u],
  ['he', /[\u0590-\u05ff]/u],
  ['el', /[\u0370-\u03ff]/u],
  ['hi', /[\u0900-\u097f]/u],
  ['th', /[\u0e00-\u0e7f]/u],
];

const stopWords: Record<string, string> = {
  en: 'the of and to in is that it for you with are this be on not have was your from or as we can will',
  de: 'der die und das ist nicht ein eine zu den mit sich auf für es im dem von sie ich auch werden wird sind oder',
  fr: 'le la les des et est une pour dans que qui pas vous sur avec ce il plus nous du au sont par ne être',
  es: 'el los las que y una por con para es no se lo su como más del al esta pero son puede este usted',
  it: 'il che di è per non una sono con del della le gli si da più come anche nel alla questo può ma ha',
  pt: 'o os que não uma com para é do da em se por mais como dos das você ao são mas pode isso seu',
  nl: 'de het een van en is dat niet op te zijn voor met je aan er ook maar worden wordt deze naar bij uw',
  pl: 'i w nie się na z do to jest że jak po co tak ale od za przez dla są może być lub oraz czy',
  sv: 'och att det som en är på för av med den inte till har de om ett kan du men eller vi från ska',
  tr: 've bir bu için ile da de çok olarak olan daha gibi ne ama en kadar sonra değil veya var her ben sen mi',
};

const languages = Object.entries(stopWords).map(
  ([name, words]) => [name, new Set(words.split(' '))] as const,
);

/** Most text has nothing of this, and then no script needs counting. */
const beyondLatin = /[\u0370-\uffff]/;

/** Text looked at; enough for a decision. */
const sample = 600;

/** ISO 639-1 code, `other`, or `none` when there is too little to say. */
export function languageOf(text: string): string {
  const head = text.slice(0, sample);
  const letters = head.match(/\p{L}/gu)?.length ?? 0;
  if (letters < 8) return 'none';
  for (const [name, test] of beyondLatin.test(head) ? scripts : []) {
    // Japanese mixes in Chinese characters, so a few kana decide; the others need a real share.
    const share = (head.match(new RegExp(test.source, 'gu'))?.length ?? 0) / letters;
    if (share > (name === 'ja' ? 0.1 : 0.3)) return name;
  }
  const words = head.toLowerCase().match(/\p{L}+/gu) ?? [];
  let best = 'other';
  let most = 0;
  for (const [name, known] of languages) {
    const hits = words.filter((word) => known.has(word)).length;
    if (hits > most) [best, most] = [name, hits];
  }
  return most >= Math.max(2, words.length * 0.08) ? best : words.length < 12 ? 'none' : 'other';
}
