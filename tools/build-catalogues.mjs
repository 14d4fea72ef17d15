// Builds assets/catalogues from the shared catalogue files (MERLON_SHARED, default ../shared): one compact JSON file per
// edition, plus NOTICE. Texts under CC BY-SA are reduced to ids and titles. `--check` compares and writes nothing.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { build } from './build.mjs';

const root = new URL('..', import.meta.url).pathname;
const shared = resolve(root, process.env.MERLON_SHARED ?? '../shared', 'catalogues');
const target = join(root, 'assets/catalogues');
if (!existsSync(shared)) {
  console.error(`no catalogues at ${shared}: set MERLON_SHARED to the folder that holds catalogues/`);
  process.exit(3);
}

build({ console: false });
const { readAtlas } = await import(join(root, 'dist/catalogue/atlas.js'));
const { parseEdition } = await import(join(root, 'dist/catalogue/edition.js'));

const text = (path) => readFileSync(join(shared, path), 'utf8');
const yaml = (path) => parse(text(path), { maxAliasCount: 0 });
const oneLine = (value) => [value].flat(3).join(' ').replace(/\s+/g, ' ').trim();
const present = (record) =>
  Object.fromEntries(
    Object.entries(record).filter(([, value]) => value !== undefined && value !== '' && value?.length !== 0),
  );

const ids = yaml('ids/framework-ids.yaml');
const ccBySa = 'CC-BY-SA-4.0 (ids and titles only)';
const facts = 'ids and titles';

const editions = [];
const add = (edition) =>
  editions.push({ schema: 'merlon-catalogue/v1', ...edition, entries: edition.entries.map(present) });

/** Where the ids of a list were checked; lists typed by hand say so, and nothing is claimed of them. */
const checkedAt = (note) =>
  /memory|transcriptions/.test(note)
    ? 'identifiers typed by hand, not checked against the publication by a program'
    : note;

/** Edition whose file gives `{id: title}`. */
const titled = (kind, items) => Object.entries(items).map(([id, title]) => ({ id, title, kind }));

function atlas() {
  const { techniques, id_migrations_after_5_6_0: moved } = yaml('mitre-atlas/atlas-applicability.yaml');
  editions.push(
    readAtlas(yaml('mitre-atlas/ATLAS-5.6.0.yaml'), {
      source: 'mitre-atlas/atlas-data dist/ATLAS.yaml, commit 8ee2c68',
      published: '2026-05-05',
      applicability: Object.fromEntries(techniques.map((technique) => [technique.id, technique.class])),
      // Taken from public threads about the 2026.07 release, not from MITRE's files: hence not complete.
      migrations: [{ to: '2026.07', map: moved.retired, complete: false }],
    }),
  );
}

function owasp() {
  for (const year of ['2025', '2026']) {
    const block = ids.owasp_llm_top10[year];
    const bare = (id) => id.replace(/:.*/, '');
    add({
      catalogue: 'owasp-llm',
      edition: year,
      title: 'OWASP Top 10 for LLM Applications',
      publisher: 'OWASP Foundation',
      licence: ccBySa,
      holds: facts,
      url: 'https://genai.owasp.org/llm-top-10/',
      source: 'GenAI-Security-Project/GenAI-LLM-Top10',
      published: year === '2026' ? '2026-08-04' : '2024-11-18',
      entries: titled(
        'risk',
        Object.fromEntries(Object.entries(block.items).map(([id, title]) => [bare(id), title])),
      ),
      ...(year === '2025'
        ? {
            migrations: [
              {
                to: '2026',
                map: Object.fromEntries(
                  Object.entries(ids.owasp_llm_top10.map_2025_to_2026).map(([a, b]) => [bare(a), bare(b)]),
                ),
                complete: true,
              },
            ],
          }
        : {}),
    });
  }
  const plain = [
    [
      'owasp-asi',
      '2026',
      'OWASP Top 10 for Agentic Applications',
      'owasp_agentic_top10_2026',
      'risk',
      'https://genai.owasp.org',
      '2025-12-09',
    ],
    [
      'owasp-agentic-threats',
      '1.1',
      'OWASP Agentic AI Threats and Mitigations',
      'owasp_agentic_threats_v1_1',
      'threat',
      'https://genai.owasp.org',
    ],
    [
      'owasp-mcp',
      '2025',
      'OWASP MCP Top 10',
      'owasp_mcp_top10_2025',
      'risk',
      'https://owasp.org/www-project-mcp-top-10/',
    ],
    [
      'owasp-aisvs',
      '1.0',
      'OWASP AI Security Verification Standard',
      'owasp_aisvs_1_0',
      'chapter',
      'https://owasp.org/www-project-artificial-intelligence-security-verification-standard-aisvs-docs/',
    ],
  ];
  for (const [catalogue, edition, title, key, kind, url, published] of plain) {
    add({
      catalogue,
      edition,
      title,
      publisher: 'OWASP Foundation',
      licence: ccBySa,
      holds: facts,
      url,
      source: checkedAt(ids[key].verified),
      ...(published ? { published } : {}),
      // A note of the list's compiler in brackets is not part of the title.
      entries: titled(kind, ids[key].items).map((entry) => ({
        ...entry,
        title: entry.title.replace(/ \(file name says .*\)$/, ''),
      })),
    });
  }
  const exchange = JSON.parse(text('owasp-ai-exchange/ai-exchange.json'));
  const kinds = { control: 'control', threat: 'threat', 'threat-or-topic': 'topic' };
  // One permalink stands at two headings of the site: the entry with the longer text is meant.
  const items = [
    ...new Map(
      [...exchange.items]
        .sort((a, b) => (a.description ?? '').length - (b.description ?? '').length)
        .map((item) => [item.id, item]),
    ).values(),
  ];
  const byId = new Set(items.map(({ id }) => id));
  add({
    catalogue: 'owasp-ai-exchange',
    edition: '2026-08-22',
    title: 'OWASP AI Exchange',
    publisher: 'OWASP Foundation',
    licence: 'CC0-1.0',
    holds: 'ids, titles, descriptions',
    url: 'https://owaspai.org',
    source: 'OWASP/www-project-ai-security-and-privacy-guide, commit 5413fde',
    published: '2026-08-22',
    entries: items
      .sort((a, b) => a.id.localeCompare(b.id))
      .map(({ id, title, type, permalink, description, references_threats: related }) => ({
        id,
        title: title.replace(/^[0-9.]+ /, ''),
        kind: kinds[type] ?? 'topic',
        text: oneLine(description ?? ''),
        url: permalink,
        related: related.filter((other) => byId.has(other)),
      })),
  });
}

function nist() {
  const { entries } = yaml('ibm-ai-atlas-nexus/nist_ai_rmf_data.yaml');
  const { actions } = yaml('ibm-ai-atlas-nexus/nist_ai_rmf_actions_data.yaml');
  const sections = ids.nist_ai_600_1.items;
  const key = (title) => title.toLowerCase().replace(/\b(and|or)\b|[^a-z]/g, '');
  const sectionOf = new Map(
    entries.map((entry) => [
      entry.id,
      Object.keys(sections).find((id) => key(sections[id]) === key(entry.name)),
    ]),
  );
  const unmatched = [...sectionOf].filter(([, section]) => section === undefined);
  if (unmatched.length > 0)
    throw new Error(`risks without a section: ${unmatched.map(([id]) => id).join(', ')}`);
  add({
    catalogue: 'nist-ai-600-1',
    edition: '2024',
    title: 'NIST AI 600-1 Generative AI Profile',
    publisher: 'National Institute of Standards and Technology',
    licence: 'public domain (US Government work); transcription Apache-2.0',
    holds: 'risks and suggested actions',
    url: 'https://doi.org/10.6028/NIST.AI.600-1',
    source: 'IBM/ai-atlas-nexus, commit a8af9d7',
    published: '2024-07-26',
    entries: [
      ...Object.entries(sections).map(([id, title]) => ({
        id,
        title,
        kind: 'risk',
        text: oneLine(entries.find((entry) => sectionOf.get(entry.id) === id).description),
      })),
      ...actions.map(({ id, description, hasRelatedRisk }) => ({
        id,
        title: oneLine(description),
        kind: 'action',
        related: (hasRelatedRisk ?? []).map((risk) => sectionOf.get(risk)).filter(Boolean),
      })),
    ],
  });
  add({
    catalogue: 'nist-ai-100-2',
    edition: 'e2025',
    title: 'NIST AI 100-2 Adversarial Machine Learning',
    publisher: 'National Institute of Standards and Technology',
    licence: 'public domain (US Government work)',
    holds: facts,
    url: 'https://doi.org/10.6028/NIST.AI.100-2e2025',
    source: checkedAt(ids.nist_ai_100_2_e2025.verified),
    entries: titled('threat', ids.nist_ai_100_2_e2025.items).map((entry) => ({
      ...entry,
      kind: /\.0[1-5]$/.test(entry.id) ? 'category' : 'threat',
    })),
  });
  add({
    catalogue: 'nist-ai-rmf',
    edition: '1.0',
    title: 'NIST AI Risk Management Framework',
    publisher: 'National Institute of Standards and Technology',
    licence: 'public domain (US Government work)',
    holds: 'ids',
    url: 'https://doi.org/10.6028/NIST.AI.100-1',
    source: checkedAt(ids.nist_ai_rmf_1_0_subcategories.verified),
    published: '2023-01-26',
    entries: ids.nist_ai_rmf_1_0_subcategories.items.map((id) => ({ id, title: id, kind: 'clause' })),
  });
}

function cosai() {
  const { risks } = yaml('cosai-risk-map/risks.yaml');
  const { controls, categories } = yaml('cosai-risk-map/controls.yaml');
  const known = new Set([...risks, ...controls, ...categories].map(({ id }) => id));
  const category = new Set(categories.map(({ id }) => id));
  add({
    catalogue: 'cosai',
    edition: '2026-08-19',
    title: 'CoSAI Risk Map',
    publisher: 'Coalition for Secure AI (OASIS Open)',
    licence: 'Apache-2.0',
    holds: 'risks and controls with short descriptions',
    url: 'https://github.com/cosai-oasis/secure-ai-tooling',
    source: 'cosai-oasis/secure-ai-tooling risk-map/yaml, commit 18ab1ef',
    published: '2026-08-19',
    entries: [
      ...risks.map(({ id, title, shortDescription, controls }) => ({
        id,
        title,
        kind: 'risk',
        text: oneLine(shortDescription),
        related: (controls ?? []).filter((one) => known.has(one)),
      })),
      ...categories.map(({ id, title }) => ({ id, title, kind: 'category' })),
      ...controls.map(({ id, title, description, risks, category: parent }) => ({
        id,
        title,
        kind: 'control',
        parent: category.has(parent) ? parent : undefined,
        text: oneLine(description),
        related: [risks ?? []].flat().filter((one) => known.has(one)),
      })),
    ],
  });
}

function others() {
  const { categories, items, view } = ids.cwe_ai;
  const cwe = (id) => `https://cwe.mitre.org/data/definitions/${id.slice(4)}.html`;
  add({
    catalogue: 'cwe',
    edition: '4.20',
    title: 'Common Weakness Enumeration (AI weaknesses)',
    publisher: 'The MITRE Corporation',
    licence: 'CWE terms of use (free with notice)',
    holds: facts,
    url: cwe(view),
    source: checkedAt(ids.cwe_ai.verified),
    entries: [
      ...titled('category', categories),
      ...titled('weakness', items).map((entry) => ({ ...entry, parent: 'CWE-1446' })),
    ].map((entry) => ({ ...entry, url: cwe(entry.id) })),
  });
  const rest = [
    [
      'linddun',
      '2023',
      'LINDDUN privacy threat types',
      'DistriNet, KU Leuven',
      'category',
      ids.linddun.items,
      ids.linddun.verified,
      'https://linddun.org',
      facts,
    ],
    [
      'maestro',
      '1',
      'MAESTRO layers',
      'Cloud Security Alliance',
      'layer',
      ids.csa_maestro.layers_v1,
      ids.csa_maestro.verified,
      'https://cloudsecurityalliance.org',
      facts,
    ],
    [
      'avid',
      'sep',
      'AVID taxonomy, security view',
      'AI Risk and Vulnerability Alliance',
      'risk',
      ids.avid_taxonomy_sep.security,
      ids.avid_taxonomy_sep.verified,
      'https://avidml.org',
      facts,
    ],
    [
      'eu-ai-act',
      '2024',
      'Regulation (EU) 2024/1689 (AI Act)',
      'European Union',
      'clause',
      Object.fromEntries(Object.entries(ids.eu_ai_act.articles).map(([id, title]) => [`Art.${id}`, title])),
      ids.eu_ai_act.verified,
      'https://eur-lex.europa.eu/eli/reg/2024/1689/oj',
      facts,
      '2024-06-13',
    ],
    [
      'gdpr',
      '2016',
      'Regulation (EU) 2016/679 (GDPR)',
      'European Union',
      'clause',
      Object.fromEntries(
        ids.gdpr.articles.map((id) => [`Art.${id.replace(/\((\w+)\)/g, '.$1')}`, `Article ${id}`]),
      ),
      ids.gdpr.verified,
      'https://eur-lex.europa.eu/eli/reg/2016/679/oj',
      'ids',
      '2016-04-27',
    ],
    [
      'ccpa',
      '2023',
      'California Consumer Privacy Act',
      'State of California',
      'clause',
      Object.fromEntries(ids.ccpa.sections.map((id) => [id, `§ ${id}`])),
      ids.ccpa.verified,
      'https://oag.ca.gov/privacy/ccpa',
      'ids',
    ],
    [
      'iso-42001',
      '2023',
      'ISO/IEC 42001 Annex A',
      'ISO/IEC',
      'clause',
      Object.fromEntries(ids.iso_iec_42001_2023_annex_a.ids.map((id) => [id, `Annex ${id}`])),
      ids.iso_iec_42001_2023_annex_a.verified,
      'https://www.iso.org/standard/81230.html',
      'ids',
    ],
  ];
  for (const [catalogue, edition, title, publisher, kind, items, source, url, holds, published] of rest) {
    add({
      catalogue,
      edition,
      title,
      publisher,
      licence: 'identifiers are facts; no text of the original',
      holds,
      url,
      source: checkedAt(source),
      ...(published ? { published } : {}),
      entries: titled(kind, items),
    });
  }
}

const notice = () => `Catalogues in this folder
=========================

The JSON files here are excerpts of outside catalogues in one common shape, written by tools/build-catalogues.mjs.
Changes against the originals: selection of fields, first paragraphs instead of full descriptions, one id space per edition.

${editions.map(({ catalogue, edition, title, publisher, licence, holds, source, url }) => `${catalogue}-${edition}.json\n  ${title} ${edition}, ${publisher}\n  licence: ${licence}\n  holds: ${holds}\n  from: ${source}\n  ${url}`).join('\n\n')}

Apache-2.0
  MITRE ATLAS (c) 2021-2026 The MITRE Corporation. CoSAI Risk Map (c) OASIS Open and contributors.
  NIST AI 600-1 transcription (c) IBM Corp. The licence text is in the LICENSE file at the root of this project.
CC BY-SA 4.0
  Of the OWASP lists under this licence only identifiers and titles are used.
CWE
  CWE is free to use; copyright (c) The MITRE Corporation. CWE is a trademark of The MITRE Corporation.
`;

atlas();
owasp();
nist();
cosai();
others();

const files = Object.fromEntries(
  editions.map((edition) => {
    const name = `${edition.catalogue}-${edition.edition}.json`;
    // Parsed as the product will parse it. One entry per line: compact, and a change shows as a line.
    const { entries, ...head } = parseEdition(edition, name);
    const body = `${JSON.stringify(head).slice(0, -1)},"entries":[\n${entries.map((entry) => JSON.stringify(entry)).join(',\n')}\n]}\n`;
    return [name, body];
  }),
);
files.NOTICE = notice();

const stale = Object.entries(files).filter(
  ([name, body]) => !existsSync(join(target, name)) || readFileSync(join(target, name), 'utf8') !== body,
);
const gone = existsSync(target) ? readdirSync(target).filter((name) => !(name in files)) : [];
if (process.argv.includes('--check')) {
  for (const name of [...stale.map(([name]) => name), ...gone])
    console.error(`stale: assets/catalogues/${name}`);
  process.exit(stale.length + gone.length > 0 ? 1 : 0);
}
mkdirSync(target, { recursive: true });
for (const [name, body] of stale) writeFileSync(join(target, name), body);
for (const name of gone) rmSync(join(target, name));
console.log(
  `${editions.length} editions, ${editions.reduce((sum, { entries }) => sum + entries.length, 0)} entries, ${stale.length} files written`,
);
