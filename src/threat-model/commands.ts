import { readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { z } from 'zod';
import { defineCommand, type Command, type ExitCode, type Io } from '../kernel/command.ts';
import type { ControlDescriptor } from '../kernel/control.ts';
import type { Plan } from '../kernel/plan.ts';
import { Problem } from '../kernel/problem.ts';
import { atLeast, Level } from '../kernel/severity.ts';
import { Mode } from '../kernel/vocabulary.ts';
import type { Analysis } from './analyze.ts';
import type { Model } from './model.ts';
import type { ModelProblem } from './parse.ts';
import type { Rule, Threat } from './rules.ts';
import { painter, table, wrap, type Paint } from './text-table.ts';

export interface ThreatModelCommandDeps {
  /** Rules, and descriptors of controls and probes; loaded when a command needs them. */
  registry(): Promise<{
    rules: readonly Rule[];
    controls: readonly ControlDescriptor[];
    probes: readonly { id: string; control: string }[];
  }>;
  templates(): Promise<readonly { id: string; text: string }[]>;
  /** Plan of the control plane that runs here; undefined when none does. */
  running(io: Io): Promise<Plan | undefined>;
  /** Milliseconds since the epoch. */
  now(): number;
  version?: string;
}

const usual = 'threat-model.yaml';
const firstTemplate = 'public-model-chatbot';
const largest = 8 * 1024 * 1024;

/** `merlon init`, `model check`, `model show`, `threats` and `plan`. */
export function commands(deps: ThreatModelCommandDeps): Command[] {
  const file = {
    name: 'file',
    description: `The threat model; default ${usual}, - for standard input.`,
    optional: true,
  };
  return [
    defineCommand({
      name: 'init',
      summary: 'Write a commented threat-model.yaml from a template',
      options: z.strictObject({
        template: z
          .string()
          .default(firstTemplate)
          .describe('public-model-chatbot, rag-assistant, agent-with-tools or self-hosted-model.'),
        out: z.string().default(usual).describe('File to write.'),
        force: z.boolean().default(false).describe('Replace the file when it is there.'),
      }),
      examples: [
        'merlon init --template agent-with-tools',
        'merlon init --template rag-assistant --out models/rag.yaml',
      ],
      run: ({ options }, io) => init(options, deps, io),
    }),
    defineCommand({
      name: 'model check',
      summary: 'Check a threat model and show every problem with its place',
      arguments: [file],
      examples: ['merlon model check threat-model.yaml'],
      run: ({ args }, io) => check(args['file'], deps, io),
    }),
    defineCommand({
      name: 'model show',
      summary: 'Show what is modelled, and what follows from it: taint, reach, exits',
      arguments: [file],
      examples: ['merlon model show threat-model.yaml'],
      run: ({ args }, io) => show(args['file'], deps, io),
    }),
    defineCommand({
      name: 'threats',
      summary: 'Question 2: what can go wrong, and why',
      arguments: [file],
      options: z.strictObject({
        sarif: z.boolean().default(false).describe('Print SARIF 2.1.0.'),
        failOn: Level.optional().describe('Exit 1 when a threat of this level or above is open.'),
      }),
      examples: [
        'merlon threats',
        'merlon threats threat-model.yaml --fail-on high',
        'merlon threats --sarif > threats.sarif',
      ],
      run: ({ args, options }, io) => threats(args['file'], options, deps, io),
    }),
    defineCommand({
      name: 'plan',
      summary: 'Show the compiled plan, and what would change against the running one',
      arguments: [file],
      options: z.strictObject({ mode: Mode.optional().describe("Instead of the file's mode.") }),
      examples: ['merlon plan', 'merlon plan threat-model.yaml --json'],
      run: ({ args, options }, io) => plan(args['file'], options, deps, io),
    }),
  ];
}

async function init(
  { template, out, force }: { template: string; out: string; force: boolean },
  deps: ThreatModelCommandDeps,
  io: Io,
): Promise<ExitCode> {
  const templates = await deps.templates();
  const chosen = templates.find(({ id }) => id === template);
  if (!chosen)
    throw new Problem('USAGE', {
      detail: `there is no template \`${template}\``,
      fix: `Choose one of ${templates.map(({ id }) => id).join(', ')}.`,
    });
  const path = resolve(io.cwd, out);
  if (!force && (await exists(path)))
    throw new Problem('CONFLICT', {
      detail: `\`${out}\` is already there`,
      fix: 'Use --out for another file, or --force to replace it.',
    });
  await writeWhole(path, chosen.text);
  if (io.json) io.out(JSON.stringify({ file: out, template }));
  else {
    const paint = painter(io.color);
    io.out(`${paint('green', 'wrote')} ${out} from the template ${paint('bold', template)}`);
    io.out('');
    io.out(`next:  merlon threats ${out === usual ? '' : out}`.trimEnd());
    io.out(`       merlon up${out === usual ? '' : ` --model ${out}`}`);
  }
  return 0;
}

async function check(given: string | undefined, deps: ThreatModelCommandDeps, io: Io): Promise<ExitCode> {
  const { name, text } = await load(given, io);
  const { parseModel } = await import('./parse.ts');
  const { controls, rules } = await deps.registry();
  const { model, problems } = parseModel(text, { file: name, controls, rules: rules.map(({ id }) => id) });
  if (!model) {
    if (io.json) io.out(JSON.stringify({ ok: false, file: name, problems }));
    else showProblems(problems, io);
    return 2;
  }
  const { modelHash } = await import('./model.ts');
  const counts = countsOf(model);
  if (io.json) io.out(JSON.stringify({ ok: true, file: name, hash: modelHash(model), counts, problems: [] }));
  else
    io.out(
      `${painter(io.color)('green', 'valid')}  ${name}: ${Object.entries(counts)
        .map(([word, count]) => `${count} ${word}`)
        .join(', ')}`,
    );
  return 0;
}

function countsOf(model: Model): Record<string, number> {
  return {
    elements: model.elements.length,
    flows: model.flows.length,
    zones: model.zones.length,
    data: model.data.length,
    controls: model.controls.length,
    assumptions: model.assumptions.length,
    decisions: model.decisions.length,
  };
}

async function show(given: string | undefined, deps: ThreatModelCommandDeps, io: Io): Promise<ExitCode> {
  const opened = await open(given, deps, io);
  if (!opened) return 2;
  const { model, facts } = opened.analysis;
  const { describeFacts } = await import('./analyze.ts');
  const { modelHash } = await import('./model.ts');
  const known = describeFacts(facts);
  if (io.json) {
    io.out(JSON.stringify({ file: opened.name, hash: modelHash(model), model, facts: known }));
    return 0;
  }
  const paint = painter(io.color);
  io.out(`${paint('bold', model.system.name)}${model.system.purpose ? `: ${model.system.purpose}` : ''}`);
  io.out('');
  const zones = new Map(model.zones.map((zone) => [zone.id, zone]));
  const rows = model.elements.map((element) => {
    const fact = known[element.id]!;
    const taint = fact.taint <= 1 ? paint('red', String(fact.taint)) : String(fact.taint);
    const zone = zones.get(element.zone);
    return [
      element.id,
      element.kind,
      zone ? `${zone.id} (${fact.trust})` : `- (${fact.trust})`,
      taint,
      fact.data.length === 0 ? '-' : fact.reach,
      fact.exits.join(' ') || '-',
      [fact.trifecta ? paint('red', 'trifecta') : '', fact.mixes ? 'mixes people' : '']
        .filter(Boolean)
        .join(' '),
    ];
  });
  for (const line of table(['ELEMENT', 'KIND', 'ZONE (TRUST)', 'TAINT', 'REACH', 'EXITS', ''], rows, paint))
    io.out(line);
  io.out('');
  const flows = facts.graph.links.map((link) => [
    link.flow.implied ? paint('dim', 'implied') : link.flow.id,
    `${link.from.element.id} → ${link.to.element.id}`,
    link.flow.channel,
    facts
      .carried(link)
      .map(({ id }) => id)
      .join(' ') || '-',
    link.flow.tls === undefined ? '?' : link.flow.tls ? 'yes' : paint('red', 'no'),
    link.flow.auth ?? '?',
    facts.leaves(link) ? paint('yellow', 'leaves') : facts.crosses(link) ? 'crosses' : '',
  ]);
  for (const line of table(['FLOW', 'FROM → TO', 'CHANNEL', 'DATA', 'TLS', 'AUTH', 'ZONE'], flows, paint))
    io.out(line);
  io.out('');
  io.out(
    paint(
      'dim',
      'taint: lowest trust of content that reaches it (0 hostile, 4 own core); reach: widest data within reach',
    ),
  );
  return 0;
}

async function threats(
  given: string | undefined,
  { sarif, failOn }: { sarif: boolean; failOn?: Level | undefined },
  deps: ThreatModelCommandDeps,
  io: Io,
): Promise<ExitCode> {
  const opened = await open(given, deps, io);
  if (!opened) return 2;
  const { name, text, analysis } = opened;
  const { threats: found, plan: compiled } = analysis;
  const above = failOn
    ? found.filter(({ status, level }) => status === 'open' && atLeast(level, failOn))
    : [];
  const exit = above.length > 0 ? 1 : 0;
  if (sarif) {
    const { toSarif } = await import('./sarif.ts');
    const { rules } = await deps.registry();
    const version = deps.version === undefined ? {} : { version: deps.version };
    io.out(JSON.stringify(toSarif({ threats: found, rules, file: name, text, ...version })));
    return exit;
  }
  if (io.json) {
    io.out(JSON.stringify({ plan: compiled.hash, threats: found, disabled: analysis.disabled }));
    return exit;
  }
  showThreats(analysis, io);
  if (failOn) {
    const paint = painter(io.color);
    io.out('');
    io.out(
      above.length > 0
        ? paint(
            'red',
            `gate: ${above.length} open ${above.length === 1 ? 'threat' : 'threats'} of level ${failOn} or above`,
          )
        : paint('green', `gate: no open threat of level ${failOn} or above`),
    );
  }
  return exit;
}

const levelStyle = { critical: 'magenta', high: 'red', medium: 'yellow', low: 'dim' } as const;
const statusStyle = { open: 'red', controlled: 'cyan', accepted: 'dim' } as const;

function showThreats({ model, threats: found, disabled }: Analysis, io: Io): void {
  const paint = painter(io.color);
  const count = (level: Level) => found.filter((one) => one.level === level).length;
  const state = (status: Threat['status']) => found.filter((one) => one.status === status).length;
  io.out(
    `${paint('bold', model.system.name)}  ${found.length} threats: ${Level.options
      .toReversed()
      .map((level) => `${count(level)} ${level}`)
      .join(', ')}`,
  );
  io.out(
    `${state('open')} open, ${state('controlled')} controlled (no evidence yet), ${state('accepted')} accepted`,
  );
  if (disabled.length > 0) {
    io.out(
      paint(
        'dim',
        `${disabled.length} ruled out by assumptions: ${disabled.map(({ key, assumption, expires }) => `${key} (${assumption}, until ${expires})`).join(', ')}`,
      ),
    );
  }
  for (const threat of found) {
    io.out('');
    const risk = paint(levelStyle[threat.level], `${String(threat.risk).padStart(2)} ${threat.level}`);
    io.out(`${risk}  ${paint('bold', threat.key)}  ${paint(statusStyle[threat.status], threat.status)}`);
    for (const line of wrap(threat.title, 94)) io.out(`   ${line}`);
    const seen = new Set<string>();
    for (const { text } of threat.witness) {
      if (seen.has(text)) continue;
      seen.add(text);
      io.out(`   ${shownPath(text, paint)}`);
    }
    const terms = (of: 'likelihood' | 'impact') =>
      threat.terms
        .filter((term) => term.of === of)
        .map(({ name, value }, index) => `${index > 0 && value >= 0 ? '+' : ''}${value} ${name}`)
        .join(' ');
    io.out(
      paint(
        'dim',
        `   likelihood ${threat.likelihood} (${terms('likelihood')}) × impact ${threat.impact} (${terms('impact')})`,
      ),
    );
    for (const line of wrap(threat.statusReason, 94)) io.out(paint('dim', `   ${line}`));
    if (threat.unknown.length > 0) io.out(paint('dim', `   not stated: ${threat.unknown.join(', ')}`));
  }
}

/** A witness, cut in the middle when it is too long for a line. */
function shownPath(text: string, paint: Paint): string {
  const words = text.split(' ');
  while (words.join(' ').length > 92 && words.length > 5) words.splice(Math.floor(words.length / 4) * 2, 2);
  const shown =
    words.join(' ').length < text.length ? [...words.slice(0, 2), '…', ...words.slice(2)].join(' ') : text;
  return paint('cyan', shown);
}

async function plan(
  given: string | undefined,
  { mode }: { mode?: Mode | undefined },
  deps: ThreatModelCommandDeps,
  io: Io,
): Promise<ExitCode> {
  const opened = await open(given, deps, io, mode);
  if (!opened) return 2;
  const compiled = opened.analysis.plan;
  const running = await deps.running(io);
  const { diffPlans } = await import('./compile.ts');
  const changes = running ? diffPlans(running, compiled) : undefined;
  if (io.json) {
    io.out(JSON.stringify({ ...compiled, ...(changes ? { running: running!.hash, changes } : {}) }));
    return 0;
  }
  const paint = painter(io.color);
  io.out(`${paint('bold', compiled.system.name)}  ${compiled.hash}  mode ${compiled.mode}`);
  const section = (title: string, head: string[], rows: string[][]) => {
    io.out('');
    io.out(`${paint('bold', title)}${rows.length === 0 ? paint('dim', '  none') : ''}`);
    if (rows.length > 0) for (const line of table(head, rows, paint)) io.out(line);
  };
  section(
    'Routes: who may call which model',
    ['FLOW', 'CLIENT', 'MODEL', 'UPSTREAM', 'MODE'],
    compiled.routes.map((route) => [
      route.flow,
      route.client,
      route.model,
      [route.upstream.provider, route.upstream.model].filter(Boolean).join(' '),
      route.mode,
    ]),
  );
  section(
    'Flows: which data may cross',
    ['FLOW', 'FROM → TO', 'ALLOWED', 'EXCESS', 'MODE'],
    compiled.flows.map((flow) => [
      flow.id,
      `${flow.from} → ${flow.to}`,
      flow.allow.length === 4 ? 'all' : `up to ${flow.allow.at(-1) ?? 'nothing'}`,
      flow.excess,
      flow.mode,
    ]),
  );
  section(
    'Tools: what agents may do',
    ['AGENT', 'TOOL', 'SIDE EFFECT', 'UNDO', 'EXIT', 'RETURNS'],
    compiled.tools.map((tool) => [
      tool.agent,
      tool.name,
      tool.sideEffect,
      tool.reversible ? 'yes' : paint('red', 'no'),
      tool.exit ? paint('yellow', 'yes') : 'no',
      `trust ${tool.returns.trust}${tool.returns.classes.length > 0 ? `, ${tool.returns.classes.join(' ')}` : ''}`,
    ]),
  );
  section(
    'Controls: what is inspected where',
    ['CONTROL', 'ON', 'THREATS', 'SETTINGS'],
    compiled.inspectors.map(({ control, on, settings, threats: keys }) => [
      control,
      on.length === 0 ? 'every flow' : on.join(' '),
      String(keys.length),
      JSON.stringify(settings),
    ]),
  );
  section(
    'Probes: what will be attacked',
    ['PROBE', 'FLOW', 'CLIENT → MODEL', 'THREATS'],
    compiled.probes.map((probe) => [
      probe.id,
      probe.flow,
      `${probe.client} → ${probe.model}`,
      String(probe.threats.length),
    ]),
  );
  io.out('');
  if (!changes) io.out(paint('dim', 'no running Merlon was found here, so there is nothing to compare with'));
  else if (changes.length === 0) io.out(`nothing changes against the running plan ${running!.hash}`);
  else {
    io.out(
      `${paint('bold', `${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`)} against the running plan ${running!.hash}`,
    );
    const marks = { added: paint('green', '+'), removed: paint('red', '-'), changed: paint('yellow', '~') };
    for (const { section: part, id, change, members } of changes) {
      io.out(
        `${marks[change]} ${part.padEnd(10)}  ${id}${members ? `: ${members.map(({ name }) => name).join(', ')}` : ''}`,
      );
    }
  }
  return 0;
}

// ---- files

interface Opened {
  name: string;
  text: string;
  analysis: Analysis;
}

/** Reads and analyses a file. Problems are shown, all of them, and undefined is the answer; with --json they are thrown. */
async function open(
  given: string | undefined,
  deps: ThreatModelCommandDeps,
  io: Io,
  mode?: Mode,
): Promise<Opened | undefined> {
  const { name, text } = await load(given, io);
  const [{ parseModel, modelProblem }, { analyzeModel }, registry] = await Promise.all([
    import('./parse.ts'),
    import('./analyze.ts'),
    deps.registry(),
  ]);
  const { controls, rules } = registry;
  const { model, problems } = parseModel(text, { file: name, controls, rules: rules.map(({ id }) => id) });
  if (!model) {
    if (io.json) throw modelProblem(problems);
    showProblems(problems, io);
    return undefined;
  }
  return {
    name,
    text,
    analysis: analyzeModel(model, { ...registry, now: deps.now(), ...(mode ? { mode } : {}) }),
  };
}

async function load(given: string | undefined, io: Io): Promise<{ name: string; text: string }> {
  if (given === '-') {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of io.stdin) {
      const bytes = Buffer.from(chunk as Uint8Array);
      size += bytes.length;
      if (size > largest) throw new Problem('TOO_LARGE', { detail: 'the input is larger than 8 MiB' });
      chunks.push(bytes);
    }
    return { name: '<stdin>', text: Buffer.concat(chunks).toString('utf8') };
  }
  const path = resolve(io.cwd, given ?? usual);
  const name = relative(io.cwd, path).startsWith('..') ? path : relative(io.cwd, path);
  try {
    const about = await stat(path);
    if (about.size > largest) throw new Problem('TOO_LARGE', { detail: `\`${name}\` is larger than 8 MiB` });
    return { name, text: (await readFile(path, 'utf8')).replace(/^\uFEFF/, '') };
  } catch (cause) {
    if (cause instanceof Problem) throw cause;
    throw new Problem('FILE_UNREADABLE', {
      detail: `\`${name}\` cannot be read`,
      fix: given === undefined ? 'Name a file, or write one with `merlon init`.' : 'Check the path.',
      cause,
    });
  }
}

function showProblems(problems: readonly ModelProblem[], io: Io): void {
  const paint = painter(io.color);
  for (const { file, line, column, detail, expected, fix, excerpt } of problems) {
    io.note(`${paint('bold', `${file}:${line}:${column}`)}: ${detail}`);
    io.note(excerpt);
    if (expected)
      for (const [at, part] of wrap(expected, 88).entries())
        io.note(`  ${at === 0 ? 'expected' : '        '}  ${part}`);
    if (fix) io.note(`  fix       ${fix}`);
    io.note('');
  }
  io.note(`${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Writes beside the file and renames, so that no reader sees half of it. */
async function writeWhole(path: string, text: string): Promise<void> {
  const beside = `${path}.${process.pid}.part`;
  try {
    await writeFile(beside, text);
    await rename(beside, path);
  } catch (cause) {
    await unlink(beside).catch(() => undefined);
    throw new Problem('FILE_UNREADABLE', {
      detail: `\`${path}\` cannot be written`,
      fix: 'Check the folder.',
      cause,
    });
  }
}
