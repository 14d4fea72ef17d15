/** What the name of a column says of its values. */
export type ColumnRole =
  | 'person'
  | 'location'
  | 'organisation'
  | 'label'
  | 'text'
  | 'quasi'
  | 'licence'
  | 'provenance'
  | 'identifier';

const words: readonly [ColumnRole, RegExp][] = [
  [
    'label',
    /^(?:labels?|class|target|y|category|sentiment|intent|stance|verdict|gold|is (?:spam|toxic|hate|harmful|positive)|toxic|spam|ground truth|answer label)$/,
  ],
  [
    'licence',
    /^(?:licen[cs]es?|licen[cs]e (?:name|id|type|url)|rights|copyright|spdx(?: id)?|terms(?: of use)?)$/,
  ],
  [
    'provenance',
    /^(?:source|sources|source (?:url|id|name)|url|uri|origin|provenance|author|authors|creator|publisher|dataset|attribution|citation|doi|retrieved(?: at)?|crawl(?:ed)?(?: at| date)?|collected (?:at|on|by)|homepage)$/,
  ],
  [
    'person',
    /^(?:(?:full |first |last |middle |given |family |maiden |sur|customer |patient |employee |client |contact |cardholder |account |holder |person |beneficiary |user )?names?|surname|forename|firstname|lastname|fullname|fname|lname|vorname|nachname|nom|prenom|prénom|nombre|apellidos?|cognome|patient|employee|customer|cardholder|beneficiary|doctor|physician|manager|spouse|next of kin)$/,
  ],
  // A country is no place to find a person at: such columns are quasi-identifiers.
  [
    'location',
    /^(?:city|town|village|address|street(?: address)?|location|place|birth ?place|place of birth|home ?town|municipality|ort|stadt|ville|ciudad)$/,
  ],
  [
    'organisation',
    /^(?:compan(?:y|y name)|employer|organi[sz]ation|organi[sz]ation name|org|business|institution|hospital|school|university|firm|vendor|supplier|bank(?: name)?|workplace)$/,
  ],
  [
    'text',
    /^(?:text|texts|prompt|content|sentence|sentence1|review|comment|message|body|question|instruction|input|completion|response|output|answer|document|article|tweet|utterance|query|description|summary|title|abstract|premise|hypothesis|chosen|rejected|note|notes|messages content|conversations value)$/,
  ],
];

const quasi =
  /^(?:age|sex|gender|birth ?(?:date|day|year|place)|date of birth|dob|year of birth|place of birth|zip|zip ?code|post(?:al)? ?code|plz|city|town|state|country|county|region|native country|nationality|citizenship|race|ethnicity|religion|language|mother tongue|education|education num|degree|marital ?status|relationship|occupation|job|job title|profession|work ?class|employment|industry|income|salary|salary class|height|weight|household(?: size)?|children|admission date|discharge date|diagnosis date|blood type|education years)$/;

const identifier =
  /^(?:id|uuid|guid|user ?id|customer ?id|patient ?id|employee ?id|account ?(?:id|number|no)|record ?id|person ?id|ssn|mrn|passport(?: number| no)?|e ?mail(?: address)?|phone(?: number)?|mobile|tel(?:ephone)?|iban|card ?number|login|user ?name|handle|device ?id)$/;

/** `nativeCountry`, `native-country` and `native_country` are one name. The last part of a path counts. */
export function columnWords(name: string): string {
  return name
    .replaceAll('[]', '')
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}.]+/gu, ' ')
    .trim();
}

export function rolesOf(name: string): ReadonlySet<ColumnRole> {
  const whole = columnWords(name);
  const last = whole.slice(whole.lastIndexOf('.') + 1).trim();
  const path = whole.replaceAll('.', ' ');
  const roles = new Set<ColumnRole>();
  for (const [role, pattern] of words) if (pattern.test(last) || pattern.test(path)) roles.add(role);
  if (quasi.test(last)) roles.add('quasi');
  if (identifier.test(last)) roles.add('identifier');
  // A label is what a row is trained towards: `category` of a product feed is one too, `state` is not.
  return roles;
}

export type CellKind = 'null' | 'integer' | 'number' | 'boolean' | 'date' | 'string';

const missing = new Set([
  '',
  'NA',
  'N/A',
  'n/a',
  'na',
  'null',
  'NULL',
  'None',
  'none',
  'NaN',
  'nan',
  '?',
  '-',
  '\\N',
]);

/** Type of a value that was written as text. */
export function kindOf(text: string): CellKind {
  const { length } = text;
  if (length <= 4 && missing.has(text)) return 'null';
  const unit = text.charCodeAt(0);
  const starts = (unit >= 48 && unit <= 57) || unit === 43 || unit === 45 || unit === 46;
  if (starts && length <= 40) {
    if (/^[+-]?\d+$/.test(text)) return 'integer';
    if (/^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$/.test(text)) return 'number';
    if (
      /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/.test(text) ||
      /^\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d{2}$/.test(text)
    )
      return 'date';
  }
  if (length <= 5 && /^(?:true|false)$/i.test(text)) return 'boolean';
  return 'string';
}
