import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { templates } from '../templates/registry.gen.ts';
import { readModel } from '../parse.ts';
import { labelWidth, layOut, measures, overlap, type Box, type Diagram, type Layout } from './layout.ts';
import { drawSvg } from './svg.ts';

function check(diagram: Diagram, layout: Layout): void {
  const { nodes, zones, edges } = layout;
  nodes.forEach((node, index) => {
    for (const other of nodes.slice(index + 1))
      expect(overlap(node, other), `${node.id} on ${other.id}`).toBe(false);
  });
  const inside = (inner: Box, outer: Box) =>
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height;
  const chain = (zone: string | undefined): string[] => {
    const found: string[] = [];
    for (
      let at = zone;
      at !== undefined && !found.includes(at);
      at = diagram.zones.find(({ id }) => id === at)?.parent
    )
      found.push(at);
    return found;
  };
  for (const node of nodes)
    for (const zone of zones)
      if (chain(node.zone).includes(zone.id))
        expect(inside(node, zone), `${node.id} in ${zone.id}`).toBe(true);
      else expect(overlap(node, zone), `${node.id} touches ${zone.id}`).toBe(false);
  zones.forEach((zone, index) => {
    for (const other of zones.slice(index + 1))
      if (!chain(other.id).includes(zone.id) && !chain(zone.id).includes(other.id))
        expect(overlap(zone, other), `${zone.id} on ${other.id}`).toBe(false);
  });
  const labels = edges.map(({ id, label }) => {
    const width = labelWidth(diagram.flows.find((flow) => flow.id === id)!.name ?? id);
    const { height } = measures.label;
    return { x: label.x - width / 2 + 1, y: label.y - height / 2 + 1, width: width - 2, height: height - 2 };
  });
  labels.forEach((label, index) => {
    for (const other of labels.slice(index + 1)) expect(overlap(label, other)).toBe(false);
    for (const node of nodes) expect(overlap(label, node)).toBe(false);
  });
}

const names = fc.integer({ min: 0, max: 14 }).map((number) => `e${number}`);
const diagrams = fc
  .record({
    parents: fc.array(fc.integer({ min: -1, max: 3 }), { minLength: 1, maxLength: 4 }),
    zones: fc.array(fc.integer({ min: -1, max: 3 }), { minLength: 1, maxLength: 15 }),
    ends: fc.array(fc.tuple(names, names), { maxLength: 30 }),
  })
  .map(({ parents, zones, ends }): Diagram => ({
    // A zone lies in one before it, so that none encloses itself.
    zones: parents.map((parent, index) => ({
      id: `z${index}`,
      ...(parent >= 0 && parent < index ? { parent: `z${parent}` } : {}),
    })),
    elements: zones.map((zone, index) => ({
      id: `e${index}`,
      zone: zone >= 0 && zone < parents.length ? `z${zone}` : '',
    })),
    flows: ends.map(([from, to], index) => ({ id: `flow-${index}`, from, to })),
  }));

test('no boxes overlap, zones hold exactly their own, labels hit nothing, whatever the diagram', () => {
  fc.assert(
    fc.property(diagrams, (diagram) => check(diagram, layOut(diagram))),
    { numRuns: 150 },
  );
});

test('the same diagram is laid out the same way', () => {
  fc.assert(
    fc.property(diagrams, (diagram) => {
      expect(layOut(diagram)).toEqual(layOut(diagram));
    }),
    { numRuns: 20 },
  );
});

test.each(templates.map(({ id, text }) => [id, text] as const))('%s fits a screen', (_, text) => {
  const { zones, elements, flows } = readModel(text);
  const layout = layOut({ zones, elements, flows });
  check({ zones, elements, flows }, layout);
  expect(layout.width).toBeLessThan(1700);
  expect(layout.height).toBeLessThan(1100);
});

test('nodes moved by hand stay where they are put', () => {
  const diagram = {
    zones: [],
    elements: [
      { id: 'a', zone: '' },
      { id: 'b', zone: '' },
    ],
    flows: [{ id: 'f', from: 'a', to: 'b' }],
  };
  const { nodes } = layOut({ ...diagram, hand: { a: { x: 0, y: 0 }, b: { x: 500, y: 300 } } });
  expect(nodes[1]!.x - nodes[0]!.x).toBe(500);
  expect(nodes[1]!.y - nodes[0]!.y).toBe(300);
});

test('the drawing escapes names, needs nothing from outside and tells its content to screen readers', () => {
  const svg = drawSvg({
    title: 'A & <b>',
    zones: [{ id: 'z', name: '<script>alert(1)</script>', trust: 2, kind: 'own' }],
    elements: [
      { id: 'a', name: '"quoted"', kind: 'user', zone: 'z' },
      { id: 'b', name: 'store', kind: 'db', zone: 'z' },
    ],
    flows: [{ id: 'f', name: 'save', from: 'a', to: 'b' }],
    levels: { f: 'critical' },
  });
  expect(svg).toContain('A &amp; &lt;b&gt;');
  expect(svg).not.toMatch(/<script|href=|url\(http|<image/);
  expect(svg).toContain('<title>save: &quot;quoted&quot; to store, worst threat critical</title>');
});
