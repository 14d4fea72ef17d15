import { expect, test } from 'vitest';
import { detectPii, recognizers } from './detector.ts';
import { furtherRecognizers } from './further-recognizers.ts';

/** type → what is found, and what only looks like it. */
const samples: Record<string, { found: readonly string[]; left: readonly string[] }> = {
  au_medicare: {
    found: ['Medicare number 2123 45670 1'],
    left: ['Medicare number 2123 45671 1', 'order 2123 45670 1', 'medicare 9123456701'],
  },
  sg_nric_fin: {
    found: ['NRIC S1234567D', 'her number is T0123456G', 'FIN F1234567N'],
    left: ['NRIC S1234567A', 'model S12345678', 'X1234567D'],
  },
  jp_my_number: {
    found: ['My Number 1234 5678 9018', 'マイナンバー 123456789018'],
    left: ['My Number 1234 5678 9012', 'order 1234 5678 9018', 'my number 111111111111'],
  },
  kr_frn: {
    found: ['외국인등록번호 870321-5123454'],
    left: ['외국인등록번호 870321-5123455', '870321-5123454', 'alien registration 871321-5123450'],
  },
  uk_postcode: {
    found: ['postcode SW1A 1AA', 'Address: 1 High Road, M1 1AE'],
    left: ['part SW1A 1AA', 'postcode SW1A 1CI', 'address B2B 4ME2'],
  },
  uk_vehicle_registration: {
    found: ['vehicle AB12 CDE was seen', 'number plate LK67XYZ'],
    left: ['code AB12 CDE', 'vehicle AB90 CDE', 'vehicle IQ12 CDE'],
  },
  in_passport: {
    found: ['passport J8369854'],
    left: ['ref J8369854', 'passport J0369854', 'passport Q8369854'],
  },
  in_vehicle_registration: {
    found: ['vehicle KA 01 AB 1234', 'registration MH12DE1433'],
    left: ['vehicle ZZ 01 AB 1234', 'batch KA 01 AB 1234'],
  },
  de_passport: {
    found: ['Reisepassnummer C01X00T478'],
    left: ['Reisepass C01X00T479', 'Serie C01X00T478'],
  },
  de_id_card: {
    found: ['Personalausweis L01X00T471', 'Ausweisnummer T220001293'],
    left: ['Personalausweis L01X00T472', 'Teil T220001293'],
  },
  de_health_insurance: {
    found: ['Versichertennummer A123456780'],
    left: ['Versichertennummer A123456781', 'Artikel A123456780'],
  },
  de_license_plate: {
    found: ['Kennzeichen M-AB 1234', 'Kfz B-XY 7E'],
    left: ['Modell M-AB 1234', 'Kennzeichen M-AB 0123'],
  },
  de_postcode: { found: ['PLZ 10115'], left: ['Nummer 10115', 'PLZ 00115', 'PLZ 101156'] },
  us_postcode: {
    found: ['zip code 94103', 'ZIP 94103-1234'],
    left: ['room 94103', 'zip 00012', 'zip 941031'],
  },
  it_identity_card: {
    found: ["carta d'identità CA12345AB"],
    left: ['codice CA12345AB', "carta d'identità CA1234AB"],
  },
  fr_passport: { found: ['passeport 12AB34567'], left: ['lot 12AB34567', 'passeport 12A345678'] },
  ng_nin: { found: ['NIN 12345678901'], left: ['call 12345678901', 'NIN 11111111111'] },
  ca_health_card: {
    found: ['health card 1234-567-897-AB'],
    left: ['health card 1234-567-890-AB', 'gift card 1234-567-897-AB'],
  },
  card_security_code: { found: ['CVV: 123', 'cvc 4567'], left: ['row 123', 'CVV: 12345', 'cvv 1.234'] },
  card_expiry: {
    found: ['exp 09/27', 'valid thru 12/2029'],
    left: ['on 09/27', 'expiry 13/27', 'exp 09/97'],
  },
  sepa_creditor_id: {
    found: ['Creditor identifier DE98ZZZ09999999999'],
    left: ['Creditor identifier DE97ZZZ09999999999', 'serial DE98ZZZ09999999999'],
  },
  medical_record_number: {
    found: ['MRN 00123456', 'patient ID: AB-1234567'],
    left: ['ticket 00123456', 'MRN 1234'],
  },
  geo_coordinates: {
    found: ['at 52.52437, 13.41053 today', 'GPS -33.86785,151.20732'],
    left: ['at 95.52437, 13.41053', 'sizes 1.25, 3.75', '52.5, 13.4', 'weights 0.1234, 0.2345, 0.3456'],
  },
  imsi: { found: ['IMSI 310150123456789'], left: ['id 310150123456789', 'IMSI 810150123456789'] },
  iccid: { found: ['ICCID 8991101200003204514'], left: ['ICCID 8991101200003204515', '7991101200003204510'] },
  private_hostname: {
    found: ['open db01.prod.internal now', 'wiki.corp is down'],
    left: ['the internal wiki', 'internal.example.com', 'corp.example.org'],
  },
};

test('every type has samples', () => {
  expect(Object.keys(samples).sort()).toEqual(
    [...new Set(furtherRecognizers.map(({ type }) => type))].sort(),
  );
});

test.each(Object.entries(samples))(
  'finds %s, and leaves what only looks like it',
  (type, { found, left }) => {
    for (const text of found)
      expect(
        detectPii(text).map((finding) => finding.type),
        text,
      ).toContain(type);
    for (const text of left)
      expect(
        detectPii(text).map((finding) => finding.type),
        text,
      ).not.toContain(type);
  },
);

test('knows more than sixty types of personal data by their shape', () => {
  expect(new Set(recognizers.map(({ type }) => type)).size).toBeGreaterThan(170);
});
