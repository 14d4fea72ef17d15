import type { Finding } from '../../../kernel/finding.ts';

export interface LinkPolicy {
  allowedHosts: readonly string[];
  /** Whether markup that runs or loads something stays. */
  keepActiveMarkup: boolean;
}

/** Longest link or tag that a stream waits for; a longer one is removed as it stands. */
export const longest = 4096;

export const removedLink = '[link removed]';
const removedTarget = '#link-removed';

/**
 * Every place where a renderer may make a link: a tag, a Markdown destination, a reference definition, `scheme://`, `www.`,
 * and `//host` where a value begins. Alternatives start with different fixed characters and their classes exclude what
 * starts them, so the scan is one pass however hostile the text.
 */
const place =
  /<[a-zA-Z/!][^<>]*(?:>|$)|(?<markdown>\]\(\s*<?|\]:[ \t]*\n?[ \t]*<?)(?<target>[^()<>\s]*)|(?<bare>(?::|&colon;|&#0{0,5}58;|&#[xX]0{0,5}3[aA];)(?:[\\/]|&sol;|&bsol;|&#0{0,5}47;|&#[xX]0{0,5}2[fF];){2}[^\s<>"'`)\]}]*)|(?<web>\b[wW]{3}\.[^\s<>"'`)\]}]*)|(?<=[("'=]|^)(?<relative>[\\/]{2}[^\s<>"'`)\]}]+)/g;

/** Removes links to hosts that are not declared. Positions of the findings are those of the text as given. */
export function removeLinks(text: string, policy: LinkPolicy): { text: string; findings: Finding[] } {
  const findings: Finding[] = [];
  let out = '';
  let read = 0;
  for (const found of text.matchAll(place)) {
    if (found.index < read) continue;
    const { markdown, target, bare, web, relative } = found.groups!;
    let start = found.index;
    let end = start + found[0].length;
    let put = removedLink;
    let wrong: string | undefined;
    if (markdown !== undefined) {
      start += markdown.length;
      put = removedTarget;
      wrong = wrongTarget(unescapeMarkdown(target!), policy);
    } else if (bare !== undefined) {
      start = schemeStart(text, start, read);
      end = withoutPunctuation(text, found.index, end);
      wrong = wrongBare(text.slice(start, found.index), text.slice(found.index, end), policy);
    } else if (web !== undefined) {
      end = withoutPunctuation(text, start, end);
      wrong = wrongTarget(`https://${text.slice(start, end)}`, policy);
    } else if (relative !== undefined) {
      wrong = /[\w-]\.[\w-]/.test(relative) ? wrongTarget(relative, policy) : undefined;
    } else {
      wrong = wrongTag(found[0], policy);
    }
    if (wrong === undefined) continue;
    out += text.slice(read, start) + put;
    read = end;
    findings.push({
      type: wrong === 'active markup' ? 'active_markup' : 'link_undeclared',
      detector: 'output-policy',
      score: 1,
      start,
      end,
      reason: wrong === 'active markup' ? 'markup that runs or loads something' : `link to ${wrong}`,
    });
  }
  return { text: out + text.slice(read), findings };
}

/** How many units at the end may be the beginning of a link: they wait until it is whole. 0 for ordinary prose. */
export function heldForLinks(text: string): number {
  let from = text.length;
  const open = text.lastIndexOf('<');
  if (open > text.lastIndexOf('>') && /^<(?:[a-zA-Z/!]|$)/.test(text.slice(open, open + 2))) from = open;
  for (const end of unfinished) {
    const found = end.exec(text);
    if (found) from = Math.min(from, found.index);
  }
  const held = text.length - from;
  return held > longest ? 0 : held;
}

const unfinished = [
  // A Markdown destination or definition whose end is not there yet, or the bracket before one.
  /\](?:[(:]\s*<?[^()<>\s]*)?$/,
  // The beginning of a scheme; then the link from its scheme on, or what spells its slashes.
  /\b(?:ht{0,2}|https?|ft?|ftps?|ws{0,2})$/i,
  /(?:\b(?:https?|ftps?|wss?))?(?::|&colon;|&#[xX]?0{0,5}(?:58|3[aA]);)(?:[\\/]|&[#\w]{0,9};?)*(?:(?<=[\\/;])[^\s<>"'`)\]}]*)?$/i,
  /\b[wW]{1,3}(?:\.[^\s<>"'`)\]}]*)?$/,
  /&#?[\da-zA-Z]{0,9}$/,
  // Where a value begins, two slashes are a host.
  /[("'=](?:[\\/]{1,2}[^\s<>"'`)\]}]*)?$/,
];

function schemeStart(text: string, colon: number, floor: number): number {
  let start = colon;
  while (start > floor && colon - start < 48 && /[\w+.&#;-]/.test(text[start - 1]!)) start--;
  return start;
}

function withoutPunctuation(text: string, start: number, end: number): number {
  let last = end;
  while (last > start + 3 && '.,;:!?*_'.includes(text[last - 1]!)) last--;
  return last;
}

/** What is wrong with a link that stands in running text; schemes that nobody renders as links are left. */
function wrongBare(before: string, rest: string, policy: LinkPolicy): string | undefined {
  const whole = decodeEntities(before + rest);
  const scheme = /([a-z][a-z\d+.-]*):[\\/]/i.exec(whole)?.[1]?.toLowerCase() ?? '';
  const address = whole.slice(whole.search(/:[\\/]/));
  if (/^[:\\/]*$/.test(address)) return undefined;
  const known = /(?:https?|ftps?|wss?)$/.exec(scheme)?.[0];
  if (known === undefined && scheme !== '') return undefined;
  return wrongTarget(`${known ?? 'https'}${address}`, policy);
}

/** What is wrong with a destination: undefined for relative ones, declared hosts, mail, telephone and inline images. */
function wrongTarget(target: string, { allowedHosts }: LinkPolicy): string | undefined {
  // Browsers drop these before they read an address (WHATWG URL, basic URL parser).
  const address = decodeEntities(target)
    // oxlint-disable-next-line no-control-regex -- exactly the characters that browsers drop
    .replace(/[\t\n\r]/g, '')
    // oxlint-disable-next-line no-control-regex
    .replace(/^[\0- ]+/, '');
  if (/^(?:mailto|tel|sms):/i.test(address) || /^data:image\/(?:png|jpe?g|gif|webp)[;,]/i.test(address))
    return undefined;
  const isAbsolute = /^(?:[a-z][a-z\d+.-]*:|[\\/]{2})/i.test(address);
  if (!isAbsolute) return undefined;
  let url: URL;
  try {
    // With a scheme the slashes do not matter, and where the page itself was loaded from is not known here.
    url = /^[\\/]/.test(address) ? new URL(address, 'https://own.invalid/') : new URL(address);
  } catch {
    return 'an address that cannot be read';
  }
  if (!/^(?:https?|ftps?|wss?):$/.test(url.protocol))
    return `an address of the kind \`${url.protocol.slice(0, 20)}\``;
  return allowedHosts.some((host) => host.toLowerCase() === url.hostname) ? undefined : 'an undeclared host';
}

const active =
  /^<\/?(?:script|iframe|frame|object|embed|applet|base)\b|^<[^>]*?[\s"'/]on[a-z]{3,30}\s*=|^<meta\b[^>]*http-equiv/i;
const addresses =
  /(?:https?|ftps?|wss?|javascript|vbscript|data|file):[^\s"'<>]*|(?<=[\s"'=(,])[\\/]{2}[^\s"'<>),]+/gi;

function wrongTag(tag: string, policy: LinkPolicy): string | undefined {
  if (tag.length > longest) return 'an address that cannot be read';
  const plain = decodeEntities(tag);
  if (!policy.keepActiveMarkup && active.test(plain)) return 'active markup';
  for (const reading of [plain, plain.replace(/[\t\n\r]/g, '')]) {
    for (const [address] of reading.matchAll(addresses)) {
      const wrong = wrongTarget(address, policy);
      if (wrong !== undefined) return wrong;
    }
  }
  return undefined;
}

function unescapeMarkdown(text: string): string {
  return text.replace(/\\([!-/:-@[-`{-~])/g, '$1');
}

const named: Record<string, string> = {
  colon: ':',
  sol: '/',
  bsol: '\\',
  period: '.',
  amp: '&',
  quot: '"',
  apos: "'",
  lt: '<',
  gt: '>',
  commat: '@',
  quest: '?',
  num: '#',
  Tab: '\t',
  NewLine: '\n',
  lpar: '(',
  rpar: ')',
};

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w{2,8}));?/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return named[name] ?? whole;
      const point = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal);
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    },
  );
}
