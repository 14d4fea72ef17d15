import { createRequire } from 'node:module';
import type * as IbanTools from 'ibantools';
import type * as Phones from 'libphonenumber-js/min';
import {
  mod97,
  abaRouting,
  bitcoinAddress,
  caSin,
  creditCard,
  deaNumber,
  deLanr,
  digitsOf,
  ipv4,
  ipv6,
  luhn,
  mrzDigit,
  ukNhs,
  uniform,
  usNpi,
  usSsn,
  vin,
} from './checks.ts';

const require = createRequire(import.meta.url);
let ibantools: typeof IbanTools | undefined;
let phones: typeof Phones | undefined;

/** How one kind of personal data is told from other text. */
export interface Recognizer {
  /** Lower snake case, ours; presidio-names.ts maps to the names that Presidio uses. */
  type: string;
  /** JavaScript expression with a bounded match, which is the value. */
  pattern: string;
  /** Small letters count as capitals. */
  flags?: 'i';
  /** Confidence in shape and check alone, 0..1. Below 0.5 the value fires only near one of the words. */
  score: number;
  /** Words nearby that make it sure. Both cases match, whole words only. */
  words?: readonly string[];
  /** Score near a word. Default 0.85. */
  near?: number;
  check?: (value: string) => boolean;
  /** The check belongs to a country and is slow. */
  national?: boolean;
  /** What the value always holds when it fires alone. Default: digits. */
  anchor?: 'at' | 'colons' | 'words';
  /** Fewest digits of the value, where it is anchored by them. Default 5. */
  digits?: number;
  /** Letters stand beside its digits, such as in `GB82`. */
  mixed?: boolean;
}

const months =
  '(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)';
const date = `(?:\\d{1,2}[./-]\\d{1,2}[./-](?:19|20)?\\d{2}|(?:19|20)\\d{2}[./-]\\d{1,2}[./-]\\d{1,2}|\\d{1,2}(?:st|nd|rd|th)?[ -](?:of )?${months},?[ -](?:19|20)?\\d{2}|${months} \\d{1,2}(?:st|nd|rd|th)?,? (?:19|20)\\d{2})`;
const streetWord =
  '(?:Street|St\\.?|Avenue|Ave\\.?|Road|Rd\\.?|Boulevard|Blvd\\.?|Lane|Ln\\.?|Drive|Dr\\.?|Court|Ct\\.?|Place|Square|Terrace|Highway|Parkway|Close|Crescent)';
const name = "(?:[A-Z][\\p{L}'’-]{1,24})";

/** Dates and version-like runs that a phone number must not be. */
function phoneShape(value: string): boolean {
  const digits = digitsOf(value);
  return (
    digits.length >= 7 &&
    digits.length <= 17 &&
    !uniform(digits) &&
    !/^(?:19|20)\d{2}[-/. ]\d{1,2}[-/. ]\d{1,2}\b/.test(value) &&
    !/^\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d{2}\b/.test(value) &&
    !/^\d{1,3}(?:\.\d{1,3}){3}$/.test(value)
  );
}

/** A country code and a length that its numbering plan has. The package is loaded when a candidate turns up. */
function possiblePhone(value: string): boolean {
  phones ??= require('libphonenumber-js/min') as typeof Phones;
  return phones.parsePhoneNumberFromString(value.replace('(0)', ''))?.isPossible() ?? false;
}

/** Structure and check digits as the registry of ISO 13616 has them. The package is loaded when a candidate turns up. */
function iban(value: string): boolean {
  const compact = value.replace(/[ -]/g, '').toUpperCase();
  if (!mod97(compact)) return false;
  ibantools ??= require('ibantools') as typeof IbanTools;
  const specification = ibantools.getCountrySpecifications()[compact.slice(0, 2)];
  return specification?.chars === compact.length;
}

/** Hand-written recognisers. Numbers of single countries that have a check digit are in national-ids.ts. */
export const ownRecognizers: readonly Recognizer[] = [
  {
    type: 'email_address',
    pattern:
      "(?<![\\w.+%@-])[\\p{L}\\p{N}_](?:[\\p{L}\\p{N}._%+'-]{0,62}[\\p{L}\\p{N}_+-])?@(?:[\\p{L}\\p{N}](?:[\\p{L}\\p{N}-]{0,61}[\\p{L}\\p{N}])?\\.){1,8}[\\p{L}]{2,24}(?![\\p{L}\\p{N}_@])",
    score: 0.95,
    anchor: 'at',
    check: (value) =>
      !/\.(?:png|jpe?g|gif|svg|webp|js|mjs|ts|tsx|jsx|json|css|html?|py|rb|go|java|exe|dll|zip|local)$/i.test(
        value,
      ) && !/^git@/i.test(value),
  },
  {
    type: 'credit_card',
    pattern: '(?<![\\w.$€£-])\\d(?:[ -]?\\d){11,18}(?![\\w-]|\\.\\d)',
    score: 0.85,
    words: ['card', 'credit', 'visa', 'mastercard', 'amex', 'debit', 'karte', 'tarjeta', 'carte', 'cc'],
    near: 0.98,
    digits: 12,
    check: creditCard,
  },
  {
    type: 'credit_card',
    pattern: '(?<![\\w.$€£-])(?:\\d{12,19}|\\d{4}(?:[ -]\\d{4}){3})(?![\\w-]|\\.\\d)',
    score: 0.3,
    words: ['card', 'credit card', 'card number', 'cc'],
    near: 0.7,
    check: (value) => luhn(digitsOf(value)) && !uniform(digitsOf(value)),
  },
  {
    type: 'iban_code',
    pattern: '(?<![A-Za-z0-9])[A-Za-z]{2}\\d{2}(?:[ -]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])',
    score: 0.95,
    mixed: true,
    digits: 6,
    check: iban,
  },
  {
    type: 'bic_code',
    pattern: '(?<![A-Za-z0-9])[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?(?![A-Za-z0-9])',
    score: 0.1,
    words: ['bic', 'swift', 'bic/swift', 'swift code'],
    near: 0.8,
    anchor: 'words',
    check: (value) => !/^(?:PASSWORD|ACCOUNTS?|CUSTOMER|TRANSFER)/.test(value),
  },
  {
    type: 'ip_address',
    pattern: '(?<![\\w.:-])\\d{1,3}(?:\\.\\d{1,3}){3}(?![\\w-]|\\.\\d)',
    score: 0.6,
    words: ['ip', 'address', 'host', 'server', 'client'],
    near: 0.8,
    digits: 4,
    check: ipv4,
  },
  {
    type: 'ip_address',
    pattern:
      '(?<![\\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:\\d{1,3}\\.){3}\\d{1,3})?(?:%[A-Za-z0-9]{1,16})?(?![\\w:]|\\.\\d)',
    score: 0.6,
    anchor: 'colons',
    check: (value) => ipv6(value) && (value.includes('::') || /[0-9]/.test(value)),
  },
  {
    type: 'mac_address',
    pattern: '(?<![\\w:-])(?:[0-9A-Fa-f]{2}([:-]))(?:[0-9A-Fa-f]{2}\\1){4}[0-9A-Fa-f]{2}(?![\\w:-])',
    score: 0.8,
    anchor: 'colons',
  },
  {
    type: 'phone_number',
    pattern:
      '(?<![\\w+.,])(?:\\+|00)[1-9]\\d{0,2}(?:[ .-]?\\(0\\))?(?:[ .()/-]{0,2}\\d){6,13}(?:[ ]?(?:x|ext\\.?)[ ]?\\d{1,6})?(?![\\w-])',
    score: 0.75,
    digits: 7,
    check: (value) =>
      (value.startsWith('+') ? possiblePhone(value) : /[ .()-]/.test(value)) && phoneShape(value),
  },
  {
    type: 'phone_number',
    pattern:
      '(?<![\\w.+#/-])(?:1[ .-])?(?:\\([2-9]\\d{2}\\)[ -]?|[2-9]\\d{2}[.-])\\d{3}[ .-]\\d{4}(?:[ ]?(?:x|ext\\.?)[ ]?\\d{1,6})?(?![\\w-]|\\.\\d)',
    score: 0.7,
    digits: 10,
  },
  {
    type: 'phone_number',
    pattern:
      '(?<![\\w.,+$€£#-])\\+?\\(?\\d(?:[ .()/-]{0,2}\\d){6,14}(?:[ ]?(?:x|ext\\.?)[ ]?\\d{1,6})?(?![\\w-]|[.,]\\d)',
    score: 0.3,
    near: 0.65,
    words: [
      'phone',
      'telephone',
      'tel',
      'tel.',
      'mobile',
      'cell',
      'cellphone',
      'fax',
      'whatsapp',
      'sms',
      'call me',
      'call me on',
      'can call',
      'call me at',
      'text me',
      'reach me',
      'reach me at',
      'answering at',
      'desk',
      'number is',
      'hotline',
      'handy',
      'telefon',
      'telefonnummer',
      'téléphone',
      'teléfono',
      'telefono',
      'móvil',
      'celular',
      'portable',
      'telefone',
      'telefoon',
      '电话',
      '手机',
      'номер',
      'телефон',
    ],
    check: phoneShape,
  },
  {
    type: 'us_ssn',
    pattern: '(?<![\\w-])\\d{3}-\\d{2}-\\d{4}(?![\\w-])',
    score: 0.65,
    words: ['ssn', 'social security', 'social'],
    near: 0.95,
    digits: 9,
    check: usSsn,
  },
  {
    type: 'us_ssn',
    pattern: '(?<![\\w-])\\d{3}[-. ]?\\d{2}[-. ]?\\d{4}(?![\\w-])',
    score: 0.2,
    words: ['ssn', 'ssns', 'social security', 'social security number'],
    near: 0.9,
    check: (value) => usSsn(value) || /^\d{3}-\d{6}$|^\d{5}-\d{4}$/.test(value),
  },
  {
    type: 'us_itin',
    pattern: '(?<![\\w-])9\\d{2}[- ]?(?:5\\d|6[0-5]|7\\d|8[0-8]|9[0-24-9])[- ]?\\d{4}(?![\\w-])',
    score: 0.3,
    words: ['itin', 'taxpayer identification', 'tax id'],
  },
  {
    type: 'us_npi',
    pattern: '(?<![\\w-])[12]\\d{3}[ -]?\\d{3}[ -]?\\d{3}(?![\\w-])',
    score: 0.3,
    words: ['npi', 'national provider'],
    check: usNpi,
  },
  {
    type: 'us_mbi',
    pattern:
      '(?<![\\w-])[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\\d-?[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\\d-?[AC-HJKMNP-RT-Y]{2}\\d{2}(?![\\w-])',
    flags: 'i',
    score: 0.6,
    mixed: true,
    words: ['mbi', 'medicare'],
    digits: 5,
  },
  {
    type: 'us_passport',
    pattern: '(?<![\\w-])(?:[A-Z]\\d{8}|\\d{9})(?![\\w-])',
    score: 0.1,
    words: ['passport', 'passport number', 'passport no', 'travel document'],
    near: 0.75,
  },
  {
    type: 'us_driver_license',
    pattern: '(?<![\\w-])[A-Z]{1,2}\\d{5,12}(?![\\w-])',
    score: 0.1,
    words: [
      "driver's license",
      'driver license',
      'drivers license',
      'driving license',
      'license number',
      'dl number',
      'dl#',
    ],
    near: 0.7,
  },
  {
    type: 'us_bank_number',
    pattern: '(?<![\\w-])\\d{8,17}(?![\\w-])',
    score: 0.05,
    words: ['account number', 'account no', 'bank account', 'acct', 'checking account', 'savings account'],
    near: 0.65,
  },
  {
    type: 'aba_routing_number',
    pattern: '(?<![\\w-])(?:\\d{9}|\\d{4}-\\d{4}-\\d)(?![\\w-])',
    score: 0.2,
    words: ['routing', 'aba', 'rtn', 'routing number'],
    check: abaRouting,
  },
  {
    type: 'medical_license',
    pattern: '(?<![\\w-])[ABCDEFGHJKLMPRSTUX][A-Z9]\\d{7}(?![\\w-])',
    score: 0.4,
    words: ['dea', 'dea number'],
    check: (value) => deaNumber(value.slice(2)),
  },
  {
    type: 'ca_sin',
    pattern: '(?<![\\w-])\\d{3}([ -]?)\\d{3}\\1\\d{3}(?![\\w-])',
    score: 0.3,
    words: ['sin', 'social insurance', 'nas'],
    check: caSin,
  },
  {
    type: 'uk_nhs',
    pattern: '(?<![\\w-])\\d{3}[ -]?\\d{3}[ -]?\\d{4}(?![\\w-])',
    score: 0.3,
    words: ['nhs', 'nhs number', 'national health'],
    check: ukNhs,
  },
  {
    type: 'uk_driving_licence',
    pattern: '(?<!\\w)[A-Z9]{5}\\d[0156]\\d(?:[0-2]\\d|3[01])\\d[A-Z9]{2}[A-Z0-9][A-Z]{2}(?!\\w)',
    flags: 'i',
    score: 0.6,
    mixed: true,
    words: ['driving licence', 'dvla'],
  },
  {
    type: 'uk_passport',
    pattern: '(?<![\\w-])[A-Z]{2}\\d{7}(?![\\w-])',
    score: 0.1,
    words: ['passport'],
    near: 0.75,
  },
  {
    type: 'es_passport',
    pattern: '(?<![\\w-])[A-Z]{3}\\d{6}(?![\\w-])',
    score: 0.1,
    words: ['pasaporte', 'passport'],
    near: 0.75,
  },
  {
    type: 'it_passport',
    pattern: '(?<![\\w-])[A-Z]{2}\\d{7}(?![\\w-])',
    flags: 'i',
    score: 0.1,
    words: ['passaporto'],
    near: 0.75,
  },
  {
    type: 'it_driver_license',
    pattern: '(?<!\\w)(?:[A-Z]{2}\\d{7}[A-Z]|U1[B-HJKLMN0-9P-Y](?!.?00A)\\w{6}[A-Z])(?!\\w)',
    flags: 'i',
    score: 0.2,
    words: ['patente', 'patente di guida'],
    near: 0.75,
  },
  {
    type: 'kr_passport',
    pattern: '(?<![A-Za-z0-9])[MSROD](?:\\d{3}[A-Z]\\d{4}|\\d{8})(?![A-Za-z0-9])',
    flags: 'i',
    score: 0.1,
    words: ['여권', '여권번호', 'korean passport', 'passport'],
    near: 0.75,
  },
  {
    type: 'kr_driver_license',
    pattern: '(?<![\\w-])(?:1[1-9]|2[0-8])([ -]?)\\d{2}\\1\\d{6}\\1\\d{2}(?![\\w-])',
    score: 0.1,
    words: ['운전면허', '면허'],
    near: 0.75,
  },
  {
    type: 'de_driver_license',
    pattern: '(?<!\\w)[A-Z]{2}\\d{8}[0-9X-Z A-W](?!\\w)',
    score: 0.1,
    words: ['führerschein', 'fuehrerschein'],
    near: 0.75,
  },
  {
    type: 'de_lanr',
    pattern: '(?<!\\w)\\d{9}(?!\\w)',
    score: 0.2,
    words: ['lanr', 'arztnummer'],
    check: deLanr,
  },
  {
    type: 'de_bsnr',
    pattern: '(?<!\\w)(?!0{9})\\d{9}(?!\\w)',
    score: 0.1,
    words: ['bsnr', 'betriebsstättennummer'],
    near: 0.75,
  },
  {
    type: 'de_handelsregister',
    pattern: '(?<!\\w)[Hh][Rr][ABab] ?\\d{1,6}(?!\\w)',
    score: 0.6,
    words: ['handelsregister', 'hrb', 'hra'],
    near: 0.85,
    digits: 1,
    anchor: 'words',
  },
  {
    type: 'de_tax_number',
    pattern:
      '(?<!\\w)(?:0[1-9]|1[0-6])\\d{2}[0-9]\\d{8}(?!\\w)|(?<![\\w/])\\d{2,3}/\\d{3,4}/\\d{4,5}(?![\\w/])',
    score: 0.2,
    words: ['steuernummer', 'st.-nr', 'steuer-nr'],
    near: 0.8,
  },
  // Shapes whose check digit is often wrong in examples and typed by hand: they need their name nearby.
  {
    type: 'in_gstin',
    pattern: '(?<!\\w)(?:0[1-9]|[12]\\d|3[0-7])[A-Z]{5}\\d{4}[A-Z][1-9A-Z]Z[0-9A-Z](?!\\w)',
    score: 0.4,
    words: ['gstin', 'gst', 'gstins'],
    near: 0.75,
  },
  {
    type: 'in_pan',
    pattern: '(?<!\\w)[A-Z]{5}\\d{4}[A-Z](?!\\w)',
    score: 0.3,
    words: ['pan', 'permanent account'],
    near: 0.7,
  },
  {
    type: 'in_voter',
    pattern: '(?<!\\w)[A-Z]{3}\\d{7}(?!\\w)',
    flags: 'i',
    score: 0.2,
    words: ['voter', 'vote', 'epic', 'elector'],
    near: 0.7,
  },
  {
    type: 'vat_number',
    pattern: '(?<!\\w)DE[ .-]?\\d{3}(?:[ .-]?\\d{3}){2}(?!\\w)',
    score: 0.3,
    words: ['vat', 'ust-idnr', 'ust-idnr.', 'ust-id', 'umsatzsteuer-id'],
    near: 0.75,
  },
  {
    type: 'uk_nino',
    pattern:
      '(?<!\\w)(?!bg|gb|nk|kn|tn|nt|zz)[a-ceghj-pr-tw-z][a-ceghj-npr-tw-z] ?\\d{2} ?\\d{2} ?\\d{2} ?[a-d](?!\\w)',
    flags: 'i',
    score: 0.4,
    words: ['nino', 'national insurance', 'ni number'],
    near: 0.85,
  },
  {
    type: 'ph_tin',
    pattern: '(?<![\\w-])\\d{3}-?\\d{3}-?\\d{3}(?:-?\\d{3,5})?(?![\\w-])',
    score: 0.1,
    words: ['tin', 'bir'],
    near: 0.7,
    check: phTin,
  },
  {
    type: 'ng_vehicle_registration',
    pattern: '(?<!\\w)[A-Z]{3}[- ]?\\d{3}[A-Z]{2}(?!\\w)',
    score: 0.2,
    words: ['plate', 'plates', 'vehicle', 'registration'],
    near: 0.7,
  },
  {
    type: 'tr_license_plate',
    pattern:
      '(?<!\\w)(?:0[1-9]|[1-7]\\d|8[01]) ?(?:[A-Z] ?\\d{2,4}|[A-Z]{2} ?\\d{2,4}|[A-Z]{3} ?\\d{2,4})(?!\\w)',
    score: 0.2,
    words: ['plaka'],
    near: 0.75,
  },
  {
    type: 'imei',
    pattern: '(?<![\\w-])\\d{2}[ -]?\\d{6}[ -]?\\d{6}[ -]?\\d(?![\\w-])',
    score: 0.3,
    words: ['imei'],
    check: (value) => luhn(digitsOf(value)),
  },
  {
    type: 'vin',
    pattern: '(?<![\\w-])[A-HJ-NPR-Z0-9]{17}(?![\\w-])',
    score: 0.45,
    words: ['vin', 'vehicle', 'chassis'],
    check: vin,
  },
  {
    type: 'mrz',
    pattern:
      '(?<![A-Z0-9<])([A-Z0-9<]{9}[0-9][A-Z<]{3}\\d{7}[MFX<]\\d{7}[A-Z0-9<]{14}[0-9<]\\d)(?![A-Z0-9<])',
    score: 0.95,
    mixed: true,
    digits: 14,
    check: (value) => mrzDigit(value.slice(0, 9), value[9]!) && mrzDigit(value.slice(13, 19), value[19]!),
  },
  {
    type: 'crypto_address',
    pattern: '(?<!\\w)(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|(?:bc1|BC1)[A-Za-z0-9]{11,71})(?!\\w)',
    score: 0.95,
    digits: 2,
    check: bitcoinAddress,
    mixed: true,
  },
  {
    type: 'crypto_address',
    pattern: '(?<!\\w)0x[0-9A-Fa-f]{40}(?!\\w)',
    score: 0.8,
    digits: 5,
    mixed: true,
    check: (value) => !/^0x(.)\1{39}$/.test(value),
  },
  {
    type: 'date_of_birth',
    pattern: `(?<![\\w./-])${date}(?![\\w/-])`,
    score: 0.1,
    words: [
      'born',
      'born on',
      'dob',
      'date of birth',
      'birth',
      'birthday',
      'birthdate',
      'geboren',
      'geburtsdatum',
      'né le',
      'née le',
      'nacido',
      'fecha de nacimiento',
      'nato il',
      '生日',
      '出生',
    ],
    near: 0.85,
  },
  {
    type: 'street_address',
    pattern: `(?<![\\w-])\\d{1,6}[A-Za-z]? (?:(?:N|S|E|W|North|South|East|West)\\.? )?(?:(?:[A-Z][\\w'’-]{1,24}|\\d{1,3}(?:st|nd|rd|th)) ){1,4}${streetWord}(?![\\w])(?:,? (?:Apt|Apartment|Suite|Unit|Ste|#)\\.? ?\\w{1,8})?(?:,? (?:[A-Z][\\p{L}.-]{1,24} ?){1,3},? [A-Z]{2} \\d{5}(?:-\\d{4})?)?`,
    score: 0.4,
    words: [
      'street',
      'st',
      'st.',
      'avenue',
      'ave',
      'ave.',
      'road',
      'rd',
      'rd.',
      'boulevard',
      'blvd',
      'lane',
      'drive',
      'court',
      'place',
      'square',
      'terrace',
      'highway',
      'parkway',
      'crescent',
    ],
    near: 0.65,
  },
  {
    type: 'street_address',
    pattern:
      '(?<!\\p{L})[A-ZÄÖÜ][a-zäöüß]{2,24}(?:straße|strasse|str\\.|weg|platz|gasse|allee|ring|damm) \\d{1,4}[a-z]?(?:,? \\d{5} [A-ZÄÖÜ][\\p{L}-]{1,24})?(?!\\w)',
    score: 0.7,
    digits: 1,
  },
  {
    type: 'person',
    pattern: `(?<=\\b(?:[Mm]y (?:full )?name is|[Mm]ein Name ist|[Jj]e m'appelle|[Mm]e llamo|[Mm]i nombre es) )${name}(?: ${name}){0,3}`,
    score: 0.1,
    words: ['name is', 'name ist', "m'appelle", 'me llamo', 'nombre es'],
    near: 0.7,
    anchor: 'words',
  },
  {
    type: 'url',
    pattern:
      '(?<![\\w@.-])(?:https?://)?(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\\.){1,6}[A-Za-z]{2,18}(?::\\d{1,5})?(?:/[^\\s"\'<>]{0,512})?(?![\\w@-])',
    score: 0.2,
    anchor: 'words',
    check: (value) =>
      /^https?:/i.test(value) || /\.(?:com|org|net|edu|gov|io|co\.[a-z]{2}|[a-z]{2})(?:[/:]|$)/i.test(value),
  },
  {
    type: 'date_time',
    pattern: `(?<![\\w./-])(?:\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(?::\\d{2}(?:\\.\\d{1,9})?)?(?:Z|[+-]\\d{2}:?\\d{2})?|${date}|\\d{1,2}-[A-Za-z]{3}(?:-\\d{2,4})?|[A-Za-z]{3}-\\d{2,4}|\\d{1,2}/(?:\\d{2}|\\d{4}))(?![\\w/-])`,
    flags: 'i',
    score: 0.2,
    anchor: 'words',
  },
];

/** Philippine TIN: weights 9…1 modulo 11 would refuse real ones of old series; the shape and the word must do. */
function phTin(value: string): boolean {
  const digits = digitsOf(value);
  return digits.length === 9 || digits.length >= 12;
}
