import { createRequire } from 'node:module';
import type { Validator } from 'stdnum';
import { arCbu, clRut, digitsOf, twUbn } from './checks.ts';
import type { Recognizer } from './recognizers.ts';

// The package loads 300 validators at once; each is loaded when its number first turns up.
const require = createRequire(import.meta.url);
const loaded = new Map<string, Validator | undefined>();

/** Where the package is stricter or older than the rule of the country. */
const amended: Record<string, (value: string) => boolean | undefined> = {
  'ar/cbu': arCbu,
  'cl/rut': clRut,
  'tw/ubn': twUbn,
  // The two numbers for everybody: sales to the public, and foreigners.
  'mx/rfc': (value) => /^X[AE]XX010101000$/.test(value) || undefined,
  'in/aadhaar': (value) =>
    value.includes(':') ? validNationalId('in', 'aadhaar', digitsOf(value)) : undefined,
};

/** Exact check of one national number. `country` and `kind` as the package names them (`pl`, `pesel`). */
export function validNationalId(country: string, kind: string, value: string): boolean | undefined {
  const path = `${country.toLowerCase()}/${kind}`;
  const answer = amended[path]?.(value);
  if (answer !== undefined) return answer;
  if (!loaded.has(path)) {
    try {
      loaded.set(path, require(`stdnum/lib/cjs/${path}`) as Validator);
    } catch {
      loaded.set(path, undefined);
    }
  }
  // A refusal is told as an error object: without its stack it costs a tenth.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return loaded.get(path)?.validate(value).isValid;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** `count` digits, each but the first possibly after one separator. */
function digits(count: number): string {
  return `\\d(?:[ ./-]?\\d){${count - 1}}`;
}

interface NationalId {
  type: string;
  /** Validator: country and kind. */
  check: string;
  shape: string;
  /** Words that stand near the number. */
  words: readonly string[];
  /** Score without such a word; below 0.5 the word is needed. */
  alone?: number;
  /** Fewest digits, for those that fire alone. */
  digits?: number;
  mixed?: boolean;
}

/**
 * Numbers of people and companies by country. A number fires alone only when its shape and its check digits together
 * are rare among order numbers, tickets and build ids; all others need their name, or the word for it, nearby.
 */
const ids: readonly NationalId[] = [
  { type: 'ad_nrt', check: 'ad/nrt', shape: '[A-Z][ -]?\\d{6}[ -]?[A-Z]', words: ['nrt'] },
  { type: 'al_nipt', check: 'al/nipt', shape: '[A-M]\\d{8}[A-Z]', words: ['nipt'] },
  { type: 'ar_cbu', check: 'ar/cbu', shape: '\\d{8}[ -]?\\d{14}', words: ['cbu'], alone: 0.6, digits: 22 },
  {
    type: 'ar_cuit',
    check: 'ar/cuit',
    shape: '(?:2[0347]|3[034])[ -]?\\d{8}[ -]?\\d',
    words: ['cuit', 'cuil'],
  },
  {
    type: 'ar_dni',
    check: 'ar/dni',
    shape: '\\d{1,2}[ .]?\\d{3}[ .]?\\d{3}',
    words: ['dni', 'documento nacional'],
  },
  {
    type: 'at_vnr',
    check: 'at/vnr',
    shape: digits(10),
    words: ['svnr', 'vnr', 'sozialversicherungsnummer', 'versicherungsnummer'],
  },
  {
    type: 'at_tin',
    check: 'at/tin',
    shape: '\\d{2}[ -]?\\d{3}/?\\d{4}',
    words: ['steuernummer', 'abgabenkontonummer', 'tin'],
  },
  { type: 'au_abn', check: 'au/abn', shape: digits(11), words: ['abn', 'australian business number'] },
  { type: 'au_acn', check: 'au/acn', shape: digits(9), words: ['acn', 'australian company number'] },
  { type: 'au_tfn', check: 'au/tfn', shape: '\\d(?:[ ./-]?\\d){7,8}', words: ['tfn', 'tax file number'] },
  { type: 'ba_jmbg', check: 'ba/jmbg', shape: digits(13), words: ['jmbg'] },
  {
    type: 'be_nn',
    check: 'be/nn',
    shape: '\\d{2}[. -]?\\d{2}[. -]?\\d{2}[. -]?\\d{3}[. -]?\\d{2}',
    words: ['rijksregisternummer', 'registre national', 'insz', 'niss', 'national number'],
  },
  { type: 'bg_egn', check: 'bg/egn', shape: digits(10), words: ['egn', 'егн'] },
  {
    type: 'bo_ci',
    check: 'bo/ci',
    shape: '\\d{5,9}[ -]?[A-Z]{0,2}',
    words: ['cédula de identidad', 'cedula de identidad', 'ci'],
  },
  {
    type: 'br_cpf',
    check: 'br/cpf',
    shape: '\\d{3}\\.\\d{3}\\.\\d{3}-\\d{2}',
    words: ['cpf'],
    alone: 0.85,
    digits: 11,
  },
  { type: 'br_cpf', check: 'br/cpf', shape: digits(11), words: ['cpf'] },
  {
    type: 'br_cnpj',
    check: 'br/cnpj',
    shape: '\\d{2}\\.?\\d{3}\\.?\\d{3}/?\\d{4}-?\\d{2}',
    words: ['cnpj'],
    alone: 0.6,
    digits: 14,
  },
  { type: 'by_unp', check: 'by/unp', shape: '[A-Z0-9]{2}\\d{7}', words: ['unp', 'унп'] },
  { type: 'ca_bn', check: 'ca/bn', shape: '\\d{9}(?: ?[A-Z]{2} ?\\d{4})?', words: ['business number'] },
  {
    type: 'ch_ahv',
    check: 'ch/ssn',
    shape: '756[. ]?\\d{4}[. ]?\\d{4}[. ]?\\d{2}',
    words: ['ahv', 'avs'],
    alone: 0.75,
    digits: 13,
  },
  {
    type: 'ch_uid',
    check: 'ch/uid',
    shape: 'CHE[- ]?\\d{3}\\.?\\d{3}\\.?\\d{3}',
    words: ['uid'],
    alone: 0.75,
    digits: 9,
    mixed: true,
  },
  {
    type: 'cl_rut',
    check: 'cl/rut',
    shape: '\\d{1,2}\\.\\d{3}\\.\\d{3}-[\\dKk]',
    words: ['rut'],
    alone: 0.75,
    digits: 7,
  },
  { type: 'cl_rut', check: 'cl/rut', shape: '\\d{7,8}-?[\\dKk]', words: ['rut', 'run'] },
  {
    type: 'cn_resident_id',
    check: 'cn/ric',
    shape: '[1-9]\\d{5}(?:19|20)\\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\\d|3[01])\\d{3}[\\dXx]',
    words: ['身份证', '身份證'],
    alone: 0.8,
    digits: 17,
  },
  {
    type: 'cn_uscc',
    check: 'cn/uscc',
    shape: '[0-9A-HJ-NP-RTUWXY]{2}\\d{6}[0-9A-HJ-NP-RTUWXY]{10}',
    words: ['统一社会信用代码', 'uscc'],
  },
  { type: 'co_nit', check: 'co/nit', shape: '\\d{3}\\.?\\d{3}\\.?\\d{3}-?\\d', words: ['nit'] },
  { type: 'cr_cpf', check: 'cr/cpf', shape: '\\d{1,2}-?\\d{4}-?\\d{4}', words: ['cédula', 'cedula'] },
  {
    type: 'cr_cpj',
    check: 'cr/cpj',
    shape: '\\d-?\\d{3}-?\\d{6}',
    words: ['cédula jurídica', 'cedula juridica'],
  },
  {
    type: 'cr_cr',
    check: 'cr/cr',
    shape: '\\d{10,12}',
    words: ['dimex', 'cédula de residencia', 'cedula de residencia'],
  },
  { type: 'cz_rc', check: 'cz/rc', shape: '\\d{6}/?\\d{3,4}', words: ['rodné číslo', 'rodne cislo', 'r.č'] },
  {
    type: 'de_tax_id',
    check: 'de/idnr',
    shape: '[1-9](?:[ /-]?\\d){10}',
    words: [
      'steuer-id',
      'steueridentifikationsnummer',
      'idnr',
      'identifikationsnummer',
      'steuer-identifikationsnummer',
      'tin',
    ],
  },
  {
    type: 'de_social_security',
    check: 'de/svnr',
    shape: '\\d{2} ?\\d{6} ?[A-Z] ?\\d{3}',
    words: ['sozialversicherungsnummer', 'rentenversicherungsnummer', 'svnr'],
    alone: 0.55,
    digits: 11,
    mixed: true,
  },
  { type: 'dk_cpr', check: 'dk/cpr', shape: '\\d{6}[ -]?\\d{4}', words: ['cpr', 'personnummer'] },
  { type: 'dk_cvr', check: 'dk/cvr', shape: '\\d{8}|\\d{2} \\d{2} \\d{2} \\d{2}', words: ['cvr'] },
  { type: 'ee_ik', check: 'ee/ik', shape: '[1-6]\\d{10}', words: ['isikukood'] },
  {
    type: 'eg_tn',
    check: 'eg/tn',
    shape: '\\d{3}[ -]?\\d{3}[ -]?\\d{3}',
    words: ['الضريبي', 'egyptian tax'],
  },
  {
    type: 'es_nie',
    check: 'es/nie',
    shape: '[XYZ][ -]?\\d{7}[ -]?[A-Z]',
    words: ['nie'],
    alone: 0.7,
    digits: 7,
    mixed: true,
  },
  {
    type: 'es_nif',
    check: 'es/nif',
    shape: '\\d{8}-?[A-Z]',
    words: ['nif', 'dni'],
    alone: 0.55,
    digits: 8,
    mixed: true,
  },
  { type: 'es_cif', check: 'es/cif', shape: '[A-HJ-NP-SUVW]-?\\d{7}-?[0-9A-J]', words: ['cif', 'nif'] },
  {
    type: 'fi_personal_identity_code',
    check: 'fi/hetu',
    shape: '\\d{6}[-+ABCDEFUVWXY]\\d{3}[0-9A-Z]',
    words: ['hetu', 'henkilötunnus'],
    alone: 0.8,
    digits: 9,
    mixed: true,
  },
  { type: 'fi_ytunnus', check: 'fi/ytunnus', shape: '\\d{7}-\\d', words: ['y-tunnus', 'ytunnus'] },
  {
    type: 'fr_nir',
    check: 'fr/nir',
    shape: '[12][ ]?\\d{2}[ ]?(?:0[1-9]|1[0-2]|[2-9]\\d)[ ]?\\d[\\dAB][ ]?\\d{3}[ ]?\\d{3}[ ]?\\d{2}',
    words: ['nir', 'sécurité sociale', 'securite sociale'],
    alone: 0.7,
    digits: 13,
  },
  {
    type: 'fr_nif',
    check: 'fr/nif',
    shape: '[0-3]\\d ?\\d{2} ?\\d{3} ?\\d{3} ?\\d{3}',
    words: ['numéro fiscal', 'numero fiscal', 'spi'],
  },
  { type: 'fr_siren', check: 'fr/siren', shape: '\\d{3} ?\\d{3} ?\\d{3}', words: ['siren'] },
  { type: 'fr_siret', check: 'fr/siret', shape: '\\d{3} ?\\d{3} ?\\d{3} ?\\d{5}', words: ['siret'] },
  { type: 'gb_utr', check: 'gb/utr', shape: '\\d{10}', words: ['utr', 'unique taxpayer'] },
  {
    type: 'gh_tin',
    check: 'gh/tin',
    shape: '[PCGQV]\\d{9}[0-9X]',
    words: ['tin', 'gra'],
    alone: 0.55,
    digits: 9,
    mixed: true,
  },
  { type: 'gr_amka', check: 'gr/amka', shape: digits(11), words: ['amka', 'αμκα'] },
  { type: 'gr_afm', check: 'gr/vat', shape: '\\d{9}', words: ['afm', 'αφμ'] },
  {
    type: 'hk_id',
    check: 'hk/hkid',
    shape: '[A-Z]{1,2}\\d{6}\\([0-9A]\\)',
    words: ['hkid', '身份證'],
    alone: 0.75,
    digits: 6,
    mixed: true,
  },
  { type: 'hr_oib', check: 'hr/oib', shape: '\\d{11}', words: ['oib'] },
  {
    type: 'ie_pps',
    check: 'ie/pps',
    shape: '\\d{7}[A-W][A-IW]?',
    words: ['pps', 'ppsn'],
    alone: 0.5,
    digits: 7,
    mixed: true,
  },
  { type: 'il_id', check: 'il/idnr', shape: '\\d{5,8}-?\\d', words: ['teudat zehut', 'תעודת זהות'] },
  {
    type: 'in_aadhaar',
    check: 'in/aadhaar',
    shape: '[2-9]\\d{3}[ :-]?\\d{4}[ :-]?\\d{4}',
    words: ['aadhaar', 'uidai', 'आधार'],
  },
  {
    type: 'in_pan',
    check: 'in/pan',
    shape: '[A-Z]{3}[ABCFGHJLPT][A-Z]\\d{4}[A-Z]',
    words: ['pan', 'permanent account'],
    alone: 0.55,
    digits: 4,
    mixed: true,
  },
  {
    type: 'in_gstin',
    check: 'in/gstin',
    shape: '\\d{2}[A-Z]{5}\\d{4}[A-Z][0-9A-Z]Z[0-9A-Z]',
    words: ['gstin', 'gst'],
    alone: 0.8,
    digits: 6,
    mixed: true,
  },
  { type: 'in_voter', check: 'in/epic', shape: '[A-Z]{3}\\d{7}', words: ['epic', 'voter', 'elector'] },
  { type: 'is_kennitala', check: 'is/kennitala', shape: '\\d{6}-?\\d{4}', words: ['kennitala', 'kt.'] },
  {
    type: 'it_fiscal_code',
    check: 'it/codicefiscale',
    shape: '[A-Z]{6}[0-9L-NP-V]{2}[ABCDEHLMPRST][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]',
    words: ['codice fiscale'],
    alone: 0.9,
    digits: 4,
    mixed: true,
  },
  { type: 'it_vat_code', check: 'it/iva', shape: '\\d{11}', words: ['partita iva', 'p.iva', 'p. iva'] },
  {
    type: 'jp_corporate_number',
    check: 'jp/cn',
    shape: '\\d-?\\d{4}-?\\d{4}-?\\d{4}',
    words: ['法人番号', 'corporate number'],
  },
  { type: 'ke_pin', check: 'ke/pin', shape: '[AP]\\d{9}[A-Z]', words: ['kra', 'pin'] },
  {
    type: 'kr_rrn',
    check: 'kr/rrn',
    shape: '\\d{6}-?[1-8]\\d{6}',
    words: ['주민등록번호', 'resident registration'],
    alone: 0.5,
    digits: 13,
  },
  { type: 'kr_brn', check: 'kr/brn', shape: '\\d{3}-?\\d{2}-?\\d{5}', words: ['사업자등록번호', 'brn'] },
  { type: 'li_peid', check: 'li/peid', shape: '\\d{4,12}', words: ['peid'] },
  { type: 'lt_asmens', check: 'lt/asmens', shape: '[1-6]\\d{10}', words: ['asmens kodas'] },
  { type: 'ma_ice', check: 'ma/ice', shape: '\\d{15}', words: ['ice'] },
  { type: 'md_idno', check: 'md/idno', shape: '\\d{13}', words: ['idno'] },
  { type: 'me_pib', check: 'me/pib', shape: '\\d{8}', words: ['pib'] },
  { type: 'mx_clabe', check: 'mx/clabe', shape: digits(18), words: ['clabe'] },
  {
    type: 'mx_curp',
    check: 'mx/curp',
    shape: '[A-Z]{4}\\d{6}[HM][A-Z]{5}[0-9A-Z]\\d',
    words: ['curp'],
    alone: 0.9,
    digits: 6,
    mixed: true,
  },
  {
    type: 'mx_rfc',
    check: 'mx/rfc',
    shape: '[A-ZÑ&]{3,4}[ -]?\\d{6}[ -]?[0-9A-Z]{3}',
    words: ['rfc'],
    alone: 0.5,
    digits: 6,
    mixed: true,
  },
  {
    type: 'my_nric',
    check: 'my/nric',
    shape: '\\d{6}-\\d{2}-\\d{4}',
    words: ['nric', 'mykad', 'kad pengenalan'],
    alone: 0.6,
    digits: 12,
  },
  {
    type: 'mz_bi',
    check: 'mz/bi',
    shape: '\\d{12}[A-Z]',
    words: ['bilhete de identidade', 'bi'],
    alone: 0.6,
    digits: 12,
    mixed: true,
  },
  { type: 'mz_nuit', check: 'mz/nuit', shape: '\\d{9}', words: ['nuit'] },
  {
    type: 'nl_bsn',
    check: 'nl/bsn',
    shape: '\\d{4}\\.?\\d{2}\\.?\\d{2,3}',
    words: ['bsn', 'burgerservicenummer', 'sofinummer'],
  },
  { type: 'nl_education_number', check: 'nl/onderwijsnummer', shape: '10\\d{7}', words: ['onderwijsnummer'] },
  {
    type: 'no_fodselsnummer',
    check: 'no/fodselsnummer',
    shape: '\\d{6} ?\\d{5}',
    words: ['fødselsnummer', 'fodselsnummer', 'personnummer', 'd-nummer'],
  },
  {
    type: 'no_kontonr',
    check: 'no/kontonr',
    shape: '\\d{4}\\.?\\d{2}\\.?\\d{5}',
    words: ['kontonummer', 'kontonr'],
  },
  {
    type: 'no_orgnr',
    check: 'no/orgnr',
    shape: '\\d{3} ?\\d{3} ?\\d{3}',
    words: ['orgnr', 'organisasjonsnummer', 'org.nr'],
  },
  { type: 'nz_ird', check: 'nz/ird', shape: '\\d{2,3}-?\\d{3}-?\\d{3}', words: ['ird'] },
  {
    type: 'nz_bank',
    check: 'nz/bank',
    shape: '\\d{2}-?\\d{4}-?\\d{7}-?\\d{2,3}',
    words: ['bank account', 'account number'],
  },
  { type: 'pe_cui', check: 'pe/cui', shape: '\\d{8}-?[0-9A-Z]', words: ['cui', 'dni'] },
  {
    type: 'pe_ce',
    check: 'pe/ce',
    shape: '\\d{9,12}',
    words: ['carnet de extranjería', 'carnet de extranjeria'],
  },
  { type: 'pe_ruc', check: 'pe/ruc', shape: '(?:10|15|17|20)\\d{9}', words: ['ruc'] },
  { type: 'pk_cnic', check: 'pk/cnic', shape: '\\d{5}-?\\d{7}-?\\d', words: ['cnic', 'nadra'] },
  { type: 'pk_ntn', check: 'pk/ntn', shape: '\\d{7}-?\\d', words: ['ntn'] },
  { type: 'pl_pesel', check: 'pl/pesel', shape: '\\d{11}', words: ['pesel'] },
  {
    type: 'pl_nip',
    check: 'pl/nip',
    shape: '\\d{3}-?\\d{3}-?\\d{2}-?\\d{2}|\\d{3}-\\d{2}-\\d{2}-\\d{3}',
    words: ['nip'],
  },
  { type: 'pl_regon', check: 'pl/regon', shape: '\\d{9}(?:\\d{5})?', words: ['regon'] },
  { type: 'pt_nif', check: 'pt/nif', shape: '\\d{3} ?\\d{3} ?\\d{3}', words: ['nif', 'contribuinte'] },
  {
    type: 'py_cedula',
    check: 'py/cedula',
    shape: '\\d{1,3}\\.?\\d{3}\\.?\\d{3}(?:-?\\d)?',
    words: ['cédula', 'cedula'],
  },
  { type: 'py_ruc', check: 'py/ruc', shape: '\\d{5,8}-\\d', words: ['ruc'] },
  { type: 'ro_cnp', check: 'ro/cnp', shape: '[1-9]\\d{12}', words: ['cnp', 'cod numeric'] },
  { type: 'rs_pib', check: 'rs/pib', shape: '\\d{9}', words: ['pib'] },
  { type: 'ru_inn', check: 'ru/inn', shape: '\\d{10}(?:\\d{2})?', words: ['inn', 'инн'] },
  {
    type: 'se_personnummer',
    check: 'se/personnummer',
    shape: '(?:19|20)?\\d{6}[-+ ]?\\d{4}',
    words: ['personnummer'],
  },
  { type: 'se_orgnr', check: 'se/orgnr', shape: '\\d{6}-?\\d{4}', words: ['organisationsnummer', 'orgnr'] },
  { type: 'sg_uen', check: 'sg/uen', shape: '\\d{8,9}[A-Z]|[RST]\\d{2}[A-Z]{2}\\d{4}[A-Z]', words: ['uen'] },
  { type: 'si_emso', check: 'si/emso', shape: '\\d{13}', words: ['emšo', 'emso', 'jmbg'] },
  { type: 'sk_rc', check: 'sk/rc', shape: '\\d{6}/?\\d{3,4}', words: ['rodné číslo', 'rodne cislo'] },
  { type: 'sm_coe', check: 'sm/coe', shape: '(?:SM ?)?\\d{1,5}', words: ['codice operatore'] },
  {
    type: 'th_tnin',
    check: 'th/idnr',
    shape: '\\d[ -]?\\d{4}[ -]?\\d{5}[ -]?\\d{2}[ -]?\\d',
    words: ['เลขประจำตัวประชาชน', 'thai id', 'บัตรประชาชน'],
  },
  {
    type: 'th_moa',
    check: 'th/moa',
    shape: '\\d[ -]?\\d{2}[ -]?\\d[ -]?\\d{3}[ -]?\\d{5}[ -]?\\d',
    words: ['memorandum of association', 'moa'],
  },
  { type: 'th_tin', check: 'th/tin', shape: digits(13), words: ['tin', 'เลขประจำตัวผู้เสียภาษี'] },
  { type: 'tr_national_id', check: 'tr/tckimlik', shape: '[1-9]\\d{10}', words: ['kimlik', 'tckn', 't.c.'] },
  {
    type: 'tw_national_id',
    check: 'tw/natid',
    shape: '[A-Z][12]\\d{8}',
    words: ['身分證', '身份證'],
    alone: 0.55,
    digits: 9,
    mixed: true,
  },
  { type: 'tw_ubn', check: 'tw/ubn', shape: '\\d{8}', words: ['統一編號', 'ubn', '統編'] },
  { type: 'tw_ui', check: 'tw/ui', shape: '[A-Z][A-D89]\\d{8}', words: ['居留證', 'arc'] },
  { type: 'ua_rntrc', check: 'ua/rntrc', shape: '\\d{10}', words: ['рнокпп', 'іпн', 'rnokpp'] },
  {
    type: 'uk_nino',
    check: 'gb/nino',
    shape: '[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\\d{2} ?\\d{2} ?\\d{2} ?[A-D]',
    words: ['nino', 'national insurance', 'ni number'],
    alone: 0.7,
    digits: 6,
    mixed: true,
  },
  { type: 'us_ein', check: 'us/ein', shape: '\\d{2}-\\d{7}', words: ['ein', 'employer identification'] },
  {
    type: 'uy_cedula',
    check: 'uy/cedula',
    shape: '\\d\\.?\\d{3}\\.?\\d{3}-?\\d',
    words: ['cédula', 'cedula'],
  },
  { type: 'vn_mst', check: 'vn/mst', shape: '\\d{10}(?:-\\d{3})?', words: ['mst', 'mã số thuế'] },
  {
    type: 'za_id_number',
    check: 'za/idnr',
    shape: '\\d{6} ?\\d{4} ?\\d{2} ?\\d',
    words: ['id number', 'identity number', 'sa id'],
    alone: 0.45,
  },
];

/** Prefix → validator of the VAT numbers of the European Union and its neighbours. */
const vat: Record<string, string> = {
  AT: 'at/uid',
  BE: 'be/vat',
  BG: 'bg/vat',
  CY: 'cy/vat',
  CZ: 'cz/dic',
  DE: 'de/vat',
  DK: 'dk/cvr',
  EE: 'ee/kmkr',
  EL: 'gr/vat',
  ES: 'es/nif',
  FI: 'fi/alv',
  FR: 'fr/tva',
  GB: 'gb/vat',
  GR: 'gr/vat',
  HR: 'hr/oib',
  HU: 'hu/anum',
  IE: 'ie/vat',
  IT: 'it/iva',
  LT: 'lt/pvm',
  LU: 'lu/tva',
  LV: 'lv/pvn',
  MT: 'mt/vat',
  NL: 'nl/btw',
  PL: 'pl/nip',
  PT: 'pt/nif',
  RO: 'ro/cui',
  SE: 'se/vat',
  SI: 'si/ddv',
  SK: 'sk/dph',
};

const fewestVatDigits = 7;

/** A VAT number with its country prefix, checked by that country's rule. */
export function validVat(value: string): boolean {
  const compact = value.replace(/[ .-]/g, '').toUpperCase();
  const path = vat[compact.slice(0, 2)];
  if (path === undefined || compact.replace(/\D+/g, '').length < fewestVatDigits) return false;
  const [country, kind] = path.split('/') as [string, string];
  return (
    validNationalId(country, kind, compact) === true ||
    validNationalId(country, kind, compact.slice(2)) === true
  );
}

export const nationalRecognizers: readonly Recognizer[] = [
  ...ids.map(({ type, check, shape, words, alone, digits: fewest, mixed }): Recognizer => {
    const [country, kind] = check.split('/') as [string, string];
    return {
      type,
      pattern: `(?<![\\w])(?:${shape})(?![\\w])`,
      score: alone ?? 0.3,
      ...(fewest === undefined ? {} : { digits: fewest }),
      ...(mixed === undefined ? {} : { mixed }),
      words,
      national: true,
      check: (value) => validNationalId(country, kind, value) === true,
    };
  }),
  {
    type: 'vat_number',
    pattern: `(?<!\\w)(?:${Object.keys(vat).join('|')})[ ]?[A-Z0-9](?:[ .-]?[A-Z0-9]){7,11}(?!\\w)`,
    score: 0.5,
    digits: fewestVatDigits,
    mixed: true,
    words: ['vat', 'ust-idnr', 'umsatzsteuer', 'tva', 'btw', 'iva', 'moms', 'ust'],
    national: true,
    check: validVat,
  },
];
