import type { DataClass } from '../../kernel/vocabulary.ts';

/** A data class, or `untrusted` for what is no secret but must not be learnt: instructions to models, hidden text. */
export type FindingClass = DataClass | 'untrusted';

const byType: Readonly<Record<string, FindingClass>> = {
  secret: 'restricted',
  prompt_injection: 'untrusted',
  jailbreak: 'untrusted',
  hidden_text: 'untrusted',
  direction_override: 'untrusted',
  url: 'public',
  date_time: 'public',
  organisation: 'internal',
  location: 'internal',
  ip_address: 'confidential',
  mac_address: 'confidential',
  email_address: 'confidential',
  phone_number: 'confidential',
  person: 'confidential',
  street_address: 'confidential',
  date_of_birth: 'confidential',
  crypto_address: 'confidential',
  vin: 'confidential',
  imei: 'confidential',
  bic_code: 'internal',
  geo_coordinates: 'confidential',
  imsi: 'confidential',
  iccid: 'confidential',
  private_hostname: 'internal',
};

/** Registers of companies and numbers printed on every invoice: known to the public, yet not to be spread without need. */
const business =
  /(?:^vat_number$|_(?:abn|acn|cnpj|cuit|cif|siren|siret|uscc|orgnr|cvr|ytunnus|uid|krs|regon|nip|brn|ubn|uen|gstin|nit|ruc|pib|tin_company|corporate_number|handelsregister|vat_code|unp|ico|moa|afm|ein|bn)$)/;

/** Class of what one finding holds: numbers that identify a person to a state, a bank or a doctor are restricted. */
export function classOf(type: string): FindingClass {
  const known = byType[type];
  if (known !== undefined) return known;
  if (type.endsWith('_license_plate') || type.endsWith('_vehicle_registration')) return 'confidential';
  if (type.endsWith('_postcode')) return 'internal';
  return business.test(type) ? 'internal' : 'restricted';
}

const order: readonly FindingClass[] = ['public', 'internal', 'confidential', 'restricted'];

/** True for a finding of the class or of one above it. What is untrusted counts against every bar. */
export function reaches(found: FindingClass, bar: DataClass): boolean {
  return found === 'untrusted' || order.indexOf(found) >= order.indexOf(bar);
}
