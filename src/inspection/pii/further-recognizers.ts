import { digitsOf, luhn, mod97, mrzDigit, uniform, weighted } from './checks.ts';
import type { Recognizer } from './recognizers.ts';

/** States and union territories of India, as vehicle registrations begin. */
const indianStates = new Set(
  'AN AP AR AS BH BR CG CH DD DL DN GA GJ HP HR JH JK KA KL LA LD MH ML MN MP MZ NL OD OR PB PY RJ SK TN TR TS UK UP WB'.split(
    ' ',
  ),
);

/**
 * Further documents, cards and places. Whatever has no check digit of its own needs its name nearby; what has one must
 * pass it there too.
 */
export const furtherRecognizers: readonly Recognizer[] = [
  {
    type: 'au_medicare',
    pattern: '(?<![\\w-])[2-6]\\d{3}[ -]?\\d{5}[ -]?\\d(?:[ -/]?\\d)?(?![\\w-])',
    score: 0.2,
    words: ['medicare', 'medicare number', 'medicare card'],
    check: auMedicare,
  },
  {
    type: 'sg_nric_fin',
    pattern: '(?<!\\w)[STFG]\\d{7}[A-Z](?!\\w)',
    score: 0.75,
    words: ['nric', 'fin', 'identity card'],
    near: 0.95,
    digits: 7,
    mixed: true,
    check: sgNric,
  },
  {
    type: 'jp_my_number',
    pattern: '(?<![\\w-])\\d{4}[ -]?\\d{4}[ -]?\\d{4}(?![\\w-])',
    score: 0.2,
    words: ['my number', 'マイナンバー', '個人番号', 'individual number'],
    check: jpMyNumber,
  },
  {
    type: 'kr_frn',
    pattern: '(?<![\\w-])\\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\\d|3[01])-?[5-8]\\d{6}(?![\\w-])',
    score: 0.3,
    words: ['외국인등록번호', '외국인등록', 'foreigner registration', 'alien registration'],
    check: krFrn,
  },
  {
    type: 'uk_postcode',
    pattern:
      '(?<![\\w-])(?:GIR ?0AA|[A-PR-UWYZ][A-HK-Y]?\\d[A-HJKPSTUW\\d]? ?\\d[ABD-HJLNP-UW-Z]{2})(?![\\w-])',
    score: 0.2,
    words: ['postcode', 'post code', 'postal code', 'address', 'london', 'lives at'],
    near: 0.7,
  },
  {
    type: 'uk_vehicle_registration',
    pattern: '(?<![\\w-])[A-HJ-PR-Y][A-HJ-PR-Y](?:0[1-9]|[1-7]\\d) ?[A-HJ-PR-Z]{3}(?![\\w-])',
    score: 0.2,
    words: ['number plate', 'registration', 'reg', 'vrm', 'licence plate', 'vehicle'],
    near: 0.75,
  },
  {
    type: 'in_passport',
    pattern: '(?<![\\w-])[A-PR-WY][1-9]\\d ?\\d{4}[1-9](?![\\w-])',
    score: 0.1,
    words: ['passport', 'passport number', 'passport no'],
    near: 0.7,
  },
  {
    type: 'in_vehicle_registration',
    pattern: '(?<![\\w-])[A-Z]{2}[ -]?\\d{1,2}[ -]?[A-Z]{1,3}[ -]?\\d{4}(?![\\w-])',
    score: 0.3,
    words: ['vehicle', 'registration', 'number plate', 'rto', 'car'],
    near: 0.75,
    check: (value) => indianStates.has(value.slice(0, 2)),
  },
  {
    type: 'de_passport',
    pattern: '(?<!\\w)[CFGHJK][CFGHJKLMNPRTVWXYZ0-9]{8}\\d(?!\\w)',
    score: 0.3,
    words: ['reisepass', 'reisepassnummer', 'passnummer', 'passport'],
    check: (value) => mrzDigit(value.slice(0, 9), value[9]!),
  },
  {
    type: 'de_id_card',
    pattern: '(?<!\\w)[LMNPRTVWXY][CFGHJKLMNPRTVWXYZ0-9]{8}\\d(?!\\w)',
    score: 0.3,
    words: ['personalausweis', 'ausweisnummer', 'ausweis', 'identity card', 'id card'],
    check: (value) => mrzDigit(value.slice(0, 9), value[9]!),
  },
  {
    type: 'de_health_insurance',
    pattern: '(?<!\\w)[A-Z]\\d{9}(?!\\w)',
    score: 0.3,
    words: ['krankenversichertennummer', 'versichertennummer', 'kvnr', 'gesundheitskarte', 'krankenkasse'],
    check: deHealthInsurance,
  },
  {
    type: 'de_license_plate',
    pattern: '(?<![\\p{L}\\d-])[A-ZÄÖÜ]{1,3}[- ][A-Z]{1,2} ?[1-9]\\d{0,3}[EH]?(?![\\p{L}\\d-])',
    score: 0.1,
    words: ['kennzeichen', 'kfz-kennzeichen', 'nummernschild', 'kfz'],
    near: 0.75,
  },
  {
    type: 'de_postcode',
    pattern: '(?<![\\w-])(?!00)\\d{5}(?![\\w-])',
    score: 0.1,
    words: ['plz', 'postleitzahl'],
    near: 0.7,
  },
  {
    type: 'us_postcode',
    pattern: '(?<![\\w-])(?!00[0-4])\\d{5}(?:-\\d{4})?(?![\\w-])',
    score: 0.1,
    words: ['zip', 'zip code', 'zipcode'],
    near: 0.7,
  },
  {
    type: 'it_identity_card',
    pattern: '(?<!\\w)(?:C[A-Z]\\d{5}[A-Z]{2}|[A-Z]{2} ?\\d{7})(?!\\w)',
    score: 0.1,
    words: ["carta d'identità", "carta d'identita", 'carta identità', 'carta di identità', 'cie'],
    near: 0.75,
  },
  {
    type: 'fr_passport',
    pattern: '(?<!\\w)\\d{2}[A-Z]{2}\\d{5}(?!\\w)',
    score: 0.1,
    words: ['passeport', 'passport'],
    near: 0.75,
  },
  {
    type: 'ng_nin',
    pattern: '(?<![\\w-])\\d{11}(?![\\w-])',
    score: 0.1,
    words: ['nin', 'national identification number', 'nimc'],
    near: 0.7,
    check: (value) => !uniform(value),
  },
  {
    type: 'ca_health_card',
    pattern: '(?<![\\w-])\\d{4}([ -]?)\\d{3}\\1\\d{3}(?:[ -]?[A-Z]{2})?(?![\\w-])',
    score: 0.1,
    words: ['ohip', 'health card', 'health card number'],
    near: 0.8,
    check: (value) => luhn(digitsOf(value)),
  },
  {
    type: 'card_security_code',
    pattern: '(?<![\\w./,-])\\d{3,4}(?![\\w/-]|[.,]\\d)',
    score: 0.1,
    words: ['cvv', 'cvc', 'cvv2', 'cvc2', 'card security code', 'card verification'],
    near: 0.8,
  },
  {
    type: 'card_expiry',
    pattern: '(?<![\\w/-])(?:0[1-9]|1[0-2]) ?/ ?(?:20)?[2-4]\\d(?![\\w/-])',
    score: 0.1,
    words: [
      'expiry',
      'expiry date',
      'exp',
      'exp date',
      'exp.',
      'expiration date',
      'valid thru',
      'valid until',
    ],
    near: 0.75,
  },
  {
    type: 'sepa_creditor_id',
    pattern: '(?<!\\w)[A-Z]{2}\\d{2}[A-Z0-9]{3}[A-Z0-9]{8,28}(?!\\w)',
    score: 0.3,
    words: [
      'creditor identifier',
      'creditor id',
      'gläubiger-id',
      'gläubiger-identifikationsnummer',
      'sepa',
      'ics',
    ],
    near: 0.9,
    // The business code, positions 5 to 7, is left out of the check (EPC262-08 §3).
    check: (value) => mod97(value.slice(0, 4) + value.slice(7)),
  },
  {
    type: 'medical_record_number',
    pattern: '(?<![\\w-])(?:[A-Z]{1,3}-?)?\\d{5,10}(?![\\w-])',
    score: 0.1,
    words: ['mrn', 'medical record', 'medical record number', 'patient id', 'patient number', 'chart number'],
    near: 0.75,
  },
  {
    type: 'geo_coordinates',
    pattern:
      '(?<![\\w.,-]|\\d,\\s)[+-]?\\d{1,2}\\.\\d{4,15},\\s?[+-]?\\d{1,3}\\.\\d{4,15}(?![\\w-]|[.,]\\s?\\d)',
    score: 0.6,
    words: ['gps', 'location', 'coordinates', 'lat', 'latitude', 'position'],
    near: 0.9,
    digits: 10,
    check: onEarth,
  },
  {
    type: 'imsi',
    pattern: '(?<![\\w-])[2-7]\\d{14}(?![\\w-])',
    score: 0.2,
    words: ['imsi'],
    near: 0.9,
  },
  {
    type: 'iccid',
    pattern: '(?<![\\w-])89\\d{17,18}(?![\\w-])',
    score: 0.6,
    words: ['iccid', 'sim', 'sim card'],
    near: 0.95,
    digits: 19,
    check: luhn,
  },
  {
    type: 'private_hostname',
    pattern:
      '(?<![\\w@.-])(?:[a-z0-9][a-z0-9-]{0,62}\\.){1,5}(?:internal|corp|intranet|lan|intra)(?![\\w-]|\\.\\w)',
    score: 0.1,
    words: ['internal', 'corp', 'intranet', 'lan', 'intra'],
    near: 0.7,
    anchor: 'words',
  },
];

/** Ninth digit: weights 1, 3, 7, 9 in turn, modulo 10. */
function auMedicare(value: string): boolean {
  const digits = digitsOf(value);
  return weighted(digits.slice(0, 8), [1, 3, 7, 9, 1, 3, 7, 9]) % 10 === Number(digits[8]);
}

/** Weights 2, 7, 6, 5, 4, 3, 2 modulo 11; the letters of citizens and of foreigners differ, those of this century are moved by 4. */
function sgNric(value: string): boolean {
  const [series = ''] = value;
  const sum = weighted(value.slice(1, 8), [2, 7, 6, 5, 4, 3, 2]) + (series === 'T' || series === 'G' ? 4 : 0);
  return (series === 'S' || series === 'T' ? 'JZIHGFEDCBA' : 'XWUTRQPNMLK')[sum % 11] === value[8];
}

/** Check digit of the Japanese individual number: Ministerial Ordinance 85 of 2014, article 5. */
function jpMyNumber(value: string): boolean {
  const digits = digitsOf(value);
  if (uniform(digits)) return false;
  const rest = weighted(digits.slice(0, 11), [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
  return Number(digits[11]) === (rest <= 1 ? 0 : 11 - rest);
}

function krFrn(value: string): boolean {
  const digits = digitsOf(value);
  const sum = weighted(digits.slice(0, 12), [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
  return (13 - (sum % 11)) % 10 === Number(digits[12]);
}

/** The letter counts as its two-digit place in the alphabet; weights 1 and 2 in turn, sums of digits, modulo 10. */
function deHealthInsurance(value: string): boolean {
  const place = String(value.charCodeAt(0) - 64).padStart(2, '0');
  const digits = place + value.slice(1, 9);
  let sum = 0;
  for (let at = 0; at < digits.length; at += 1) {
    const product = Number(digits[at]) * (at % 2 === 0 ? 1 : 2);
    sum += product > 9 ? product - 9 : product;
  }
  return sum % 10 === Number(value[9]);
}

function onEarth(value: string): boolean {
  const [latitude = NaN, longitude = NaN] = value.split(',').map(Number);
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}
