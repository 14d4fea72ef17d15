import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openCatalogue, openInspector, openRules, packageRoot } from '../../src/app/assets.ts';
import { startShadow } from '../../src/app/shadow.ts';
import { defaultMaxUpper, runProbes, type Shadow } from '../../src/assurance/runner.ts';
import { controls } from '../../src/gateway/controls/registry.gen.ts';
import { probes } from '../../src/gateway/controls/probes.gen.ts';
import { passingServices } from '../../src/gateway/store.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import type { ControlServices } from '../../src/kernel/control.ts';
import type { Evidence } from '../../src/kernel/evidence.ts';
import type { Plan } from '../../src/kernel/plan.ts';
import { analyze } from '../../src/threat-model/analyze.ts';

// The shipped controls, on the example's plan, in the real gateway before the victim.
let plan: Plan;
let shadow: Shadow;

beforeAll(() => {
  const text = readFileSync(join(packageRoot, 'examples/support-copilot/threat-model.yaml'), 'utf8');
  plan = analyze(text, { rules: openRules(openCatalogue()), controls, probes }).plan;
  const inspector = openInspector();
  const services: ControlServices = {
    inspect: inspector.inspect,
    hold: inspector.hold,
    scopedKey: (scope) => Promise.resolve(createHmac('sha256', 'test').update(scope).digest()),
    ...passingServices(() => Date.now()),
    now: () => Date.now(),
  };
  shadow = (plan, as) =>
    startShadow(plan, as, {
      controls,
      services,
      clock: systemClock,
      onError: (where, error) => {
        throw new Error(`${where}: ${String(error)}`);
      },
    });
});

const told = (one: Evidence) => ({
  probe: one.probe,
  status: one.status,
  reason: one.reason,
  broken: one.cases.filter((row) => row.kind === 'harmless' && row.on !== 'passed').map((row) => row.name),
});

describe('with the example as it is, each control stops what works without it', () => {
  test.each(controls.map((one) => one.id))(
    '%s',
    async (control) => {
      const evidence = await runProbes({ plan, probes, shadow, only: [control] });
      expect(evidence.length).toBeGreaterThan(0);
      for (const one of evidence) {
        expect(told(one)).toMatchObject({ status: 'verified', broken: [] });
        expect(one.off.successes).toBeGreaterThan(0);
        const bound = probes.find((probe) => probe.id === one.probe)!.maxUpper ?? defaultMaxUpper;
        expect(one.on.upper).toBeLessThanOrEqual(bound);
      }
    },
    120_000,
  );
});

describe('each control that is weakened by hand is failing', () => {
  const weaker: Record<string, Record<string, unknown>> = {
    'prompt-injection': { threshold: 1 },
    'secret-scan': { threshold: 1 },
    'pii-pseudonymisation': { threshold: 1 },
    'output-policy': { links: 'alert' },
  };
  test.each(controls.map((one) => one.id))(
    '%s, taken out of the plan',
    async (control) => {
      const without = {
        ...plan,
        clamps: [],
        inspectors: plan.inspectors.filter((one) => one.control !== control),
      };
      const probe = probes.find((one) => one.control === control)!;
      const [evidence] = await runProbes({ plan: without, probes: [probe], shadow, only: [probe.id] });
      expect(told(evidence!)).toMatchObject({ status: 'failing' });
    },
    120_000,
  );
  test.each(Object.keys(weaker).filter((id) => controls.some((one) => one.id === id)))(
    '%s, with settings that let everything through',
    async (control) => {
      const weak = {
        ...plan,
        inspectors: plan.inspectors.map((one) =>
          one.control === control ? { ...one, settings: { ...one.settings, ...weaker[control] } } : one,
        ),
      };
      const probe = probes.find((one) => one.control === control)!;
      const [evidence] = await runProbes({ plan: weak, probes: [probe], shadow, only: [probe.id] });
      expect(told(evidence!)).toMatchObject({ status: 'failing' });
    },
    120_000,
  );
});
