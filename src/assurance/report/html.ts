import { createHash } from 'node:crypto';
import type { Evidence, Status } from '../../kernel/evidence.ts';
import { Level } from '../../kernel/severity.ts';
import { drawSvg } from '../../threat-model/layout/svg.ts';
import {
  age,
  countBy,
  meanings,
  moment,
  notProven,
  percent,
  rows,
  worstLevel,
  type ReportRow,
} from './facts.ts';
import type { ReportInput } from './input.ts';
import { style } from './style.ts';

type Tone = 'critical' | 'high' | 'medium' | 'low' | 'none' | 'good';

const tones: Record<Status, Tone> = {
  failing: 'critical',
  open: 'high',
  utility_failure: 'medium',
  stale: 'medium',
  inconclusive: 'medium',
  no_probe: 'none',
  controlled: 'low',
  accepted: 'none',
  verified: 'good',
};

/** One shape per status, so that nobody depends on colour. */
const glyphs: Record<Status, string> = {
  open: '',
  controlled: 'M5 8h6',
  verified: 'M5.4 8.2l1.8 1.8 3.4-4',
  failing: 'M5.9 5.9l4.2 4.2M10.1 5.9l-4.2 4.2',
  inconclusive: 'M6.5 6.7A1.5 1.5 0 1 1 8 8.3v.6M8 11h.01',
  stale: 'M8 5V8l2 1.4',
  accepted: 'M6.6 6v4M9.4 6v4',
  utility_failure: 'M8 5.1v3.4M8 10.9h.01',
  no_probe: 'M5.4 8h.01M8 8h.01M10.6 8h.01',
};

const esc = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Cs}]/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');

const code = (text: string): string => `<code>${esc(text)}</code>`;

const anchor = (key: string): string =>
  `t-${key.replace(/[^A-Za-z0-9-]/g, (sign) => `_${sign.codePointAt(0)!.toString(16)}`)}`;

function statusMark(status: Status): string {
  return (
    `<span class="mark ${tones[status]}" title="${esc(meanings[status])}"><svg width="13" height="13" viewBox="2 2 12 12" fill="none" stroke="currentColor" ` +
    `stroke-width="1.4" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><circle cx="8" cy="8" r="5.2"/>` +
    `${glyphs[status] ? `<path d="${glyphs[status]}"/>` : ''}</svg>${esc(status.replaceAll('_', ' '))}</span>`
  );
}

function levelMark(level: Level, value?: number): string {
  const filled = Level.options.indexOf(level) + 1;
  const bars = [1, 2, 3, 4]
    .map(
      (bar) =>
        `<rect x="${bar * 4 - 4}" y="${10 - bar * 2.3}" width="2.6" height="${bar * 2.3}" rx=".6" opacity="${bar <= filled ? 1 : 0.25}"/>`,
    )
    .join('');
  return `<span class="mark ${level}"><svg width="15" height="10" viewBox="0 0 15 10" fill="currentColor" aria-hidden="true">${bars}</svg>${level}${value === undefined ? '' : ` ${value.toFixed(1)}`}</span>`;
}

const section = (no: number, id: string, title: string, lede: string, body: string): string =>
  `<section id="${id}"><header><span class="no">${no}</span><h2>${title}</h2><p>${lede}</p></header>${body}</section>`;

const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

/** One self-contained page: no script, no request, readable in print, light and dark. */
export function toHtml(input: ReportInput): string {
  const body = [
    top(input),
    contents(),
    `<main class="page">${working(input)}${wrong(input)}${doing(input)}${proof(input)}</main>`,
    foot(input),
  ].join('');
  // The diagram brings its own style element; a policy by hash lets exactly these two through.
  const hashes = [style, ...Array.from(body.matchAll(/<style>([^]*?)<\/style>/g), (found) => found[1]!)].map(
    (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
  );
  return (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">' +
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${[...new Set(hashes)].join(' ')}; base-uri 'none'; form-action 'none'">` +
    '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">' +
    `<meta name="generator" content="Merlon ${esc(input.version)}"><title>${esc(input.model.system.name)}: threat model and proof</title>` +
    `<style>${style}</style></head><body>${body}</body></html>\n`
  );
}

const logo =
  '<svg width="20" height="20" viewBox="0 0 20 20" fill="currentColor" aria-hidden="true"><path d="M1 6h4v3h3V6h4v3h3V6h4v12H1z"/></svg>';

function top(input: ReportInput): string {
  const { model, residual, evidence, plan } = input;
  const worst = worstLevel(residual.filter((one) => one.status !== 'accepted'));
  const statuses = countBy(residual.map((one) => one.status));
  const verified = evidence.filter((one) => one.status === 'verified').length;
  const controls = new Set(plan.inspectors.map((one) => one.control)).size;
  const owner = model.system.owner ? `<span>Owner <b>${esc(model.system.owner)}</b></span>` : '';
  return (
    `<header class="page"><div class="top"><div class="brand">${logo}<span>Merlon · from threat to proof</span></div>` +
    `<h1>${esc(model.system.name)}</h1><p class="lede">${esc(summary(input))}</p>` +
    `<div class="facts"><span>As of <b>${moment(input.at)}</b></span>${owner}<span>Model <b>${esc(input.file)}</b></span><span>Mode <b>${plan.mode}</b></span><span>Plan ${code(`${plan.hash.slice(0, 19)}…`)}</span></div>` +
    '<dl class="figures">' +
    `<div><dt>Worst residual risk</dt><dd>${worst ? `<span class="ink-${worst}">${worst}</span>` : 'none'}<small>of threats that nobody accepted</small></dd></div>` +
    `<div><dt>Threats</dt><dd>${residual.length}<small>${statuses.get('open') ?? 0} open</small></dd></div>` +
    `<div><dt>Controls</dt><dd>${controls}<small>bound and enforced</small></dd></div>` +
    `<div><dt>Probes verified</dt><dd>${verified} of ${evidence.length}<small>${esc(freshness(evidence, input.at))}</small></dd></div></dl>` +
    `${statusBar(statuses, residual.length)}</div></header>`
  );
}

function summary({ residual, evidence }: ReportInput): string {
  const by = countBy(residual.map((one) => one.status));
  const verified = by.get('verified') ?? 0;
  const failing = by.get('failing') ?? 0;
  const open = by.get('open') ?? 0;
  if (residual.length === 0) return 'No threat applies to this model.';
  if (evidence.length === 0)
    return `${plural(residual.length, 'threat')}, and no control has been attacked yet: nothing is proven.`;
  const parts = [
    `${verified} of ${plural(residual.length, 'threat')} ${verified === 1 ? 'is' : 'are'} answered by a control that stopped real attacks.`,
  ];
  if (failing > 0)
    parts.push(`${failing} ${failing === 1 ? 'has' : 'have'} a control that attacks got past.`);
  if (open > 0) parts.push(`${open} ${open === 1 ? 'lacks' : 'lack'} a sufficient control.`);
  return parts.join(' ');
}

function freshness(evidence: readonly Evidence[], now: number): string {
  if (evidence.length === 0) return 'none has run';
  return `oldest ${age(Math.min(...evidence.map((one) => one.at)), now)}`;
}

const statusOrder: readonly Status[] = [
  'failing',
  'open',
  'utility_failure',
  'stale',
  'inconclusive',
  'no_probe',
  'controlled',
  'accepted',
  'verified',
];

function statusBar(counts: ReadonlyMap<Status, number>, total: number): string {
  if (total === 0) return '';
  let x = 0;
  const segments: string[] = [];
  const legend: string[] = [];
  for (const status of statusOrder) {
    const count = counts.get(status) ?? 0;
    if (count === 0) continue;
    const width = (count / total) * 1000;
    segments.push(
      `<rect x="${x.toFixed(1)}" y="0" width="${Math.max(0, width - 3).toFixed(1)}" height="10" class="fill-${tones[status]}"/>`,
    );
    x += width;
    legend.push(
      `<li><span class="dot fill-${tones[status]}"></span><b>${count}</b> ${status.replaceAll('_', ' ')}</li>`,
    );
  }
  return `<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="Threats by status">${segments.join('')}</svg><ul class="legend">${legend.join('')}</ul>`;
}

const contents = (): string =>
  '<nav aria-label="Contents"><div class="page"><ol><li><a href="#working">1 What are we working on?</a></li><li><a href="#wrong">2 What can go wrong?</a></li>' +
  '<li><a href="#doing">3 What are we doing about it?</a></li><li><a href="#proof">4 Did we do a good enough job?</a></li><li><a href="#unproven">What is not proven</a></li></ol></div></nav>';

function working(input: ReportInput): string {
  const { model } = input;
  const joined = (ids: readonly string[] | undefined) => esc((ids ?? []).join(', ')) || '–';
  const words = (id: string | undefined) => esc((id ?? '–').replaceAll('_', ' '));
  const named = ({ id, name }: { id: string; name?: string }) =>
    name !== undefined && name !== id ? `${code(id)}<small>${esc(name)}</small>` : code(id);
  const elements = table(
    ['Element', 'Kind', 'Zone', 'Hosting'],
    model.elements.map((one) => [named(one), words(one.kind), esc(one.zone), words(one.hosting)]),
  );
  const flows = table(
    ['Flow', 'From', 'To', 'Carries', 'TLS'],
    model.flows.map((one) => [
      named(one),
      code(one.from),
      code(one.to),
      joined(one.carries),
      one.tls === true ? 'yes' : 'no',
    ]),
  );
  const data = table(
    ['Data', 'Class', 'Categories', 'Region'],
    model.data.map((one) => [named(one), esc(one.class), joined(one.categories), esc(one.region ?? '–')]),
  );
  const assumptions = table(
    ['Assumption', 'Says', 'Owner', 'Until', 'Rules out'],
    model.assumptions.map((one) => [
      code(one.id),
      esc(one.text),
      esc(one.owner ?? '–'),
      esc(one.expires ?? '–'),
      joined(one.disables),
    ]),
  );
  return section(
    1,
    'working',
    'What are we working on?',
    `${plural(model.elements.length, 'element')} in ${plural(model.zones.length, 'zone')}, ${plural(model.flows.length, 'flow')}, ${plural(model.data.length, 'kind')} of data.`,
    `<figure class="diagram" tabindex="0" aria-label="Data-flow diagram">${input.diagram ?? diagram(input)}</figure>` +
      '<p class="note">Lines and frames are coloured by the worst residual risk of their threats.</p>' +
      `<div class="group">${fold('Elements', elements)}${fold('Flows', flows)}${fold('Data', data)}` +
      `${model.assumptions.length > 0 ? fold('Assumptions', assumptions) : ''}</div>`,
  );
}

const fold = (title: string, body: string): string =>
  `<details><summary><h3>${title}</h3></summary><div>${body}</div></details>`;

function table(head: readonly string[], body: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[]) =>
    row.map((cell, column) => `<td data-label="${head[column]!}">${cell}</td>`).join('');
  return `<div class="scroll"><table class="stack"><thead><tr>${head.map((one) => `<th scope="col">${one}</th>`).join('')}</tr></thead><tbody>${body.map((row) => `<tr>${cells(row)}</tr>`).join('')}</tbody></table></div>`;
}

function diagram(input: ReportInput): string {
  const { model } = input;
  const levels: Record<string, Level> = {};
  const raise = (id: string, level: Level) => {
    const known = levels[id];
    if (known === undefined || Level.options.indexOf(level) > Level.options.indexOf(known))
      levels[id] = level;
  };
  for (const { threat, residual } of rows(input)) raise(threat.flow ?? threat.element, residual.level);
  return drawSvg({
    title: `Data-flow diagram of ${model.system.name}`,
    zones: model.zones.map(({ id, name, trust, kind, parent }) => ({
      id,
      name: name ?? id,
      trust,
      kind: kind ?? 'own',
      parent,
    })),
    elements: model.elements.map(({ id, name, kind, zone }) => ({ id, name: name ?? id, kind, zone })),
    flows: model.flows.map(({ id, name, from, to }) => ({ id, name: name ?? id, from, to })),
    levels,
  });
}

function wrong(input: ReportInput): string {
  const list = rows(input);
  const lede =
    'Each threat follows from the model by a rule. Risk is likelihood × impact, each from 1 to 5; the residual risk scales the likelihood by the upper 95 % bound of the measured attack success rate. Without proof nothing is taken off.';
  const overview = table(
    ['Threat', 'What', 'Inherent', 'Residual', 'Status'],
    list.map(({ threat, residual }) => [
      `<a class="id" href="#${anchor(threat.key)}">${code(threat.key)}</a>`,
      esc(threat.title),
      `${threat.risk}`,
      levelMark(residual.level, residual.residual),
      statusMark(residual.status),
    ]),
  );
  const ruledOut = input.disabled ?? [];
  return section(
    2,
    'wrong',
    'What can go wrong?',
    lede,
    (list.length === 0 ? '<p class="empty">No threat applies to this model.</p>' : overview) +
      `<div class="group">${list.map((row) => threatDetail(row, input)).join('')}</div>` +
      (ruledOut.length === 0
        ? ''
        : `<div class="callout"><h3>Ruled out by assumption</h3><ul>${ruledOut.map((one) => `<li>${code(one.key)} ${esc(one.title)}: assumption ${code(one.assumption)}, until ${esc(one.expires)}</li>`).join('')}</ul></div>`),
  );
}

function threatDetail({ threat, residual }: ReportRow, input: ReportInput): string {
  const terms = (of: 'likelihood' | 'impact', total: number) =>
    `<div><span class="label">${of === 'likelihood' ? 'Likelihood' : 'Impact'}: ${total} of 5</span><ul class="terms">` +
    threat.terms
      .filter((one) => one.of === of)
      .map(
        (one) =>
          `<li><b>${one.value >= 0 ? '+' : '−'}${Math.abs(one.value)}</b><span>${esc(one.name)}<small>${esc(one.why)}</small></span></li>`,
      )
      .join('') +
    '</ul></div>';
  const flows = new Set(input.model.flows.map((one) => one.id));
  const isFlow = (id: string) => flows.has(id) || id.includes('>');
  const path = (ids: readonly string[]) =>
    ids
      .map((id) =>
        isFlow(id)
          ? `<span class="edge">${flows.has(id) ? `${esc(id)} ` : ''}→</span>`
          : `<span class="node">${esc(id)}</span>`,
      )
      .join('');
  const references = threat.refs
    .map((ref) => {
      const known = input.references?.[ref];
      const safe = known?.url !== undefined && known.url.startsWith('https://');
      const text = `${esc(ref)}${known ? ` ${esc(known.title)}` : ''}`;
      return `<li>${safe ? `<a href="${esc(known.url!)}" rel="noreferrer">${text}</a>` : text}</li>`;
    })
    .join('');
  return (
    `<details id="${anchor(threat.key)}"${residual.status === 'failing' ? ' open' : ''}><summary><h3>${esc(threat.title)}<br>${code(threat.key)}</h3><span class="marks">${levelMark(residual.level, residual.residual)}${statusMark(residual.status)}</span></summary><div>` +
    `<p>${esc(threat.summary)}</p>` +
    threat.witness
      .map(
        (one) =>
          `<div><span class="label">${esc(one.why || 'The way it takes')}</span><div class="path">${path(one.path)}</div></div>`,
      )
      .join('') +
    `<div class="two">${terms('likelihood', threat.likelihood)}${terms('impact', threat.impact)}</div>` +
    `<p><span class="label">Status</span><br>${esc(meanings[residual.status])}: ${esc(residual.reason)}</p>` +
    `<p><span class="label">Controls</span><br>${threat.controls.map(code).join(' ') || 'none'}</p>` +
    (references
      ? `<div><span class="label">References</span><ul class="refs">${references}</ul></div>`
      : '') +
    '</div></details>'
  );
}

function doing(input: ReportInput): string {
  const { plan } = input;
  const known = new Map(input.controls.map((one) => [one.id, one]));
  const cards = plan.inspectors.map((one) => {
    const control = known.get(one.control);
    const settings = Object.entries(one.settings)
      .map(([name, value]) => `${esc(name)} ${code(shortened(JSON.stringify(value)))}`)
      .join('<br>');
    return (
      `<article class="card"><h3>${esc(control?.title ?? one.control)}</h3>${code(one.control)}${control?.summary ? `<p>${esc(control.summary)}</p>` : ''}` +
      `<dl><dt>On</dt><dd>${one.on.length === 0 ? 'every flow' : one.on.map(code).join(' ')}</dd>` +
      `<dt>Answers</dt><dd>${plural(one.threats.length, 'threat')}</dd>${settings ? `<dt>Settings</dt><dd>${settings}</dd>` : ''}</dl></article>`
    );
  });
  const decisions = input.model.decisions;
  return section(
    3,
    'doing',
    'What are we doing about it?',
    `The model compiles to a plan in mode ${esc(plan.mode)}: ${plural(plan.routes.length, 'route')}, ${plural(plan.flows.length, 'flow rule')}, ${plural(plan.tools.length, 'tool rule')}. A flow that is not in the model is ${plan.mode === 'enforce' ? 'denied' : 'reported'}.`,
    (cards.length === 0
      ? '<p class="empty">No control is bound.</p>'
      : `<div class="cards">${cards.join('')}</div>`) +
      (decisions.length === 0
        ? ''
        : `<div class="group">${fold(
            'Decisions',
            table(
              ['Threat', 'Decision', 'By', 'Until', 'Why'],
              decisions.map((one) => [
                code(one.threat),
                esc(one.do),
                esc(one.by),
                esc(one.until),
                esc(one.why),
              ]),
            ),
          )}</div>`),
  );
}

const shortened = (text: string): string => (text.length > 90 ? `${text.slice(0, 88)}…` : text);

function proof(input: ReportInput): string {
  const { evidence } = input;
  const list = [...evidence].sort(
    (a, b) => statusOrder.indexOf(a.status) - statusOrder.indexOf(b.status) || (a.probe < b.probe ? -1 : 1),
  );
  return section(
    4,
    'proof',
    'Did we do a good enough job?',
    'Each control was attacked through the front door of the gateway, alone: once switched off, to see that the attack works, and once switched on with its live settings. What counts is the effect, not the verdict of the control.',
    (list.length === 0
      ? '<p class="empty">No probe has been run. Run <code>merlon verify</code>.</p>'
      : `<div class="group">${list.map((one) => evidenceDetail(one, input.at)).join('')}</div>`) +
      `<div class="callout" id="unproven"><h3>What is not proven</h3><ul>${notProven(input)
        .map((one) => `<li>${esc(one)}</li>`)
        .join('')}</ul></div>`,
  );
}

function evidenceDetail(one: ReportInput['evidence'][number], now: number): string {
  const offRate = one.off.n === 0 ? 0 : one.off.successes / one.off.n;
  const onRate = one.on.n === 0 ? 0 : one.on.successes / one.on.n;
  const off = `<svg viewBox="0 0 300 12" preserveAspectRatio="none" role="img" aria-label="${percent(offRate)}"><rect class="track" width="300" height="12" rx="3"/><rect class="fill-none" width="${(offRate * 300).toFixed(1)}" height="12" rx="3"/></svg>`;
  const tone = one.status === 'verified' ? 'good' : one.status === 'failing' ? 'critical' : 'medium';
  const on =
    `<svg viewBox="0 0 300 12" preserveAspectRatio="none" role="img" aria-label="${percent(onRate)}, at most ${percent(one.on.upper)}"><rect class="track" width="300" height="12" rx="3"/>` +
    `<rect class="fill-${tone}" width="${(one.on.upper * 300).toFixed(1)}" height="12" rx="3" opacity=".32"/><rect class="fill-${tone}" width="${(onRate * 300).toFixed(1)}" height="12" rx="3"/>` +
    `<path class="tick" d="M${(one.on.upper * 300).toFixed(1)} 0v12" stroke-width="2"/></svg>`;
  const cases = one.cases
    .map(
      (row) =>
        `<tr><td>${esc(row.name)}${row.kind === 'harmless' ? '<small>harmless</small>' : ''}</td><td>${esc(row.off ?? '–')}</td><td>${esc(row.on)}</td></tr>`,
    )
    .join('');
  return (
    `<details><summary><h3>${esc(one.title ?? one.probe)}<br>${code(one.probe)}</h3><span class="marks">${statusMark(one.status)}</span>` +
    `<div class="proof"><div><span class="label">Off: ${one.off.successes} of ${one.off.n} attacks succeeded</span>${off}</div>` +
    `<div><span class="label">On: ${one.on.successes} of ${one.on.n}, at most ${percent(one.on.upper)} (95 %)</span>${on}</div></div></summary><div>` +
    `<p>${esc(one.reason)}.</p><p class="note">Control ${code(one.control)} on flow ${code(one.flow)} · ${one.harmless.n - one.harmless.broken} of ${plural(one.harmless.n, 'harmless case')} pass · ${age(one.at, now)}${one.entry === undefined ? '' : ` · ledger entry ${one.entry}`}</p>` +
    `<p><span class="label">Threats</span><br>${one.threats.map((key) => `<a href="#${anchor(key)}">${code(key)}</a>`).join(' ') || 'none'}</p>` +
    `<div class="scroll"><table class="cases"><thead><tr><th scope="col">Case</th><th scope="col">Off</th><th scope="col">On</th></tr></thead><tbody>${cases}</tbody></table></div></div></details>`
  );
}

function foot(input: ReportInput): string {
  const ledger = input.ledger
    ? `<span>Evidence stands in the ledger: ${plural(input.ledger.size, 'entry', 'entries')}, root ${code(input.ledger.root)}</span>`
    : '';
  return `<footer class="page"><span>Plan ${code(input.plan.hash)}</span><span>Threat model ${code(input.plan.model)}</span>${ledger}<span>Merlon ${esc(input.version)}, ${moment(input.at)}</span></footer>`;
}
