import '@xyflow/react/dist/base.css';
import {
  EdgeLabelRenderer,
  Handle,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
  type Edge,
  type EdgeProps,
  type Node,
  type NodeProps,
} from '@xyflow/react';
import { useCallback, useEffect, useMemo, useRef } from 'react';
import type { Level, Model, ModelElement, ModelFlow, ModelZone, Threat } from '../api/types.ts';
import { Icon } from '../ui/icon.tsx';
import { toneClass } from '../ui/marks.tsx';
import { levels, levelWords, spaced } from '../ui/words.ts';
import styles from './diagram.module.css';
import { lookOf } from './kinds.ts';
import { roundedPath } from './path.ts';
import { layOut } from '../../../src/threat-model/layout/layout.ts';
import { flowLevels, highlightOf } from './risk.ts';

type ElementNode = Node<
  { element: ModelElement; selected: boolean; lit: boolean; faded: boolean; onSelect: (id: string) => void },
  'element'
>;
type ZoneNode = Node<{ zone: ModelZone }, 'zone'>;
type FlowEdge = Edge<
  {
    flow: ModelFlow;
    points: { x: number; y: number }[];
    label: { x: number; y: number };
    level: Level | undefined;
    selected: boolean;
    lit: boolean;
    faded: boolean;
    onSelect: (id: string) => void;
  },
  'flow'
>;

interface DiagramProps {
  model: Model;
  threats: readonly Threat[];
  /** Id of the element or flow that is looked at. */
  selected?: string | undefined;
  /** The threat whose witness path lights up. */
  witness?: Threat | undefined;
  onSelect: (id: string) => void;
  legend?: boolean;
  /** As high as the drawing is at the width there is, rather than as high as its place. */
  natural?: boolean;
}

/** The data-flow diagram: zones, elements by kind, flows in the colour of their worst residual threat. */
export function Diagram(props: DiagramProps) {
  return (
    <ReactFlowProvider>
      <Drawing {...props} />
    </ReactFlowProvider>
  );
}

const nodeTypes = { element: ElementView, zone: ZoneView };
const edgeTypes = { flow: FlowView };

function Drawing({
  model,
  threats,
  selected,
  witness,
  onSelect,
  legend = true,
  natural = false,
}: DiagramProps) {
  const layout = useMemo(() => layOut(drawable(model)), [model]);
  const flowLevel = useMemo(() => flowLevels(model, threats), [model, threats]);
  const highlight = useMemo(() => (witness ? highlightOf(model, witness) : undefined), [model, witness]);

  const nodes = useMemo(() => {
    const zones: ZoneNode[] = layout.zones.flatMap((place) => {
      const zone = model.zones.find((one) => one.id === place.id);
      if (!zone) return [];
      const size = { width: place.width, height: place.height };
      return [
        {
          id: `zone:${zone.id}`,
          type: 'zone',
          position: place,
          ...size,
          data: { zone },
          zIndex: -1,
          selectable: false,
        },
      ];
    });
    const elements: ElementNode[] = layout.nodes.flatMap((place) => {
      const element = model.elements.find((one) => one.id === place.id);
      if (!element) return [];
      const lit = highlight?.elements.has(element.id) ?? false;
      return [
        {
          id: element.id,
          type: 'element',
          position: place,
          width: place.width,
          height: place.height,
          data: {
            element,
            selected: selected === element.id,
            lit,
            faded: highlight !== undefined && !lit,
            onSelect,
          },
        },
      ];
    });
    return [...zones, ...elements];
  }, [layout, model, highlight, selected, onSelect]);

  const edges = useMemo(
    () =>
      layout.edges.flatMap((place): FlowEdge[] => {
        const flow = model.flows.find((one) => one.id === place.id);
        if (!flow) return [];
        const lit = highlight?.flows.has(flow.id) ?? false;
        return [
          {
            id: flow.id,
            source: flow.from,
            target: flow.to,
            type: 'flow',
            data: {
              flow,
              points: place.points,
              label: place.label,
              level: flowLevel.get(flow.id),
              selected: selected === flow.id,
              lit,
              faded: highlight !== undefined && !lit,
              onSelect,
            },
            zIndex: 0,
          },
        ];
      }),
    [layout, model, flowLevel, highlight, selected, onSelect],
  );

  return (
    <div
      className={styles.stage}
      role="group"
      aria-label="Data-flow diagram"
      style={natural ? { aspectRatio: `${layout.width} / ${layout.height + 60}` } : undefined}
    >
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        fitView
        fitViewOptions={fit}
        minZoom={0.15}
        maxZoom={2}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        zoomOnScroll={false}
        preventScrolling={false}
        proOptions={{ hideAttribution: true }}
      >
        <Markers />
        <Tools focus={highlight?.elements} />
      </ReactFlow>
      {legend ? <Legend /> : null}
    </div>
  );
}

/** The flows by name, for the keyboard and for fingers. */
export function FlowList({
  model,
  threats,
  selected,
  onSelect,
}: Omit<DiagramProps, 'witness' | 'legend' | 'natural'>) {
  const flowLevel = useMemo(() => flowLevels(model, threats), [model, threats]);
  return (
    <ul className={styles.flows} aria-label="Flows">
      {model.flows.map((flow) => {
        const level = flowLevel.get(flow.id);
        return (
          <li key={flow.id}>
            <button
              type="button"
              className={`${styles.flow} ${toneClass(level ? levelWords[level].tone : 'none')}`}
              aria-pressed={selected === flow.id}
              onClick={() => onSelect(flow.id)}
            >
              {flow.id}
              <span className="visually-hidden">
                , flow from {flow.from} to {flow.to}
                {level ? `, worst residual ${level}` : ''}
              </span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** What the layout needs of a model. Flows are labelled with their ids, so that nothing but the id takes room. */
function drawable({ zones, elements, flows }: Model): Parameters<typeof layOut>[0] {
  return {
    zones,
    elements: elements.map(({ id, zone = '', name }) => ({ id, zone, name })),
    flows: flows.map(({ id, from, to }) => ({ id, from, to })),
  };
}

// Below half size nothing can be read any more; what does not fit is then reached by dragging.
const fit = { padding: 0.04, minZoom: 0.5, maxZoom: 1.1 };

/** One arrow head per tone, because an SVG marker cannot take the colour of its line everywhere. */
function Markers() {
  const tones = [...levels.map((level) => levelWords[level].tone), 'none' as const];
  return (
    <svg width="0" height="0" style={{ position: 'absolute' }} aria-hidden="true">
      <defs>
        {tones.map((tone) => (
          <marker
            key={tone}
            id={`arrow-${tone}`}
            viewBox="0 0 10 10"
            refX="9"
            refY="5"
            markerWidth="9"
            markerHeight="9"
            markerUnits="userSpaceOnUse"
            orient="auto-start-reverse"
          >
            <path d="M0 0.8 10 5 0 9.200z" fill={tone === 'none' ? 'var(--m-faint)' : `var(--m-${tone})`} />
          </marker>
        ))}
      </defs>
    </svg>
  );
}

/** Zoom, and the view that follows: the whole diagram, or the part a witness path runs through. */
function Tools({ focus }: { focus: ReadonlySet<string> | undefined }) {
  const flow = useReactFlow();
  const zoom = useStore((state) => state.transform[2]);
  const box = useRef<HTMLDivElement>(null);
  const show = useCallback(
    (duration: number) => {
      const nodes = focus && focus.size > 0 ? [...focus].map((id) => ({ id })) : undefined;
      void flow.fitView(
        nodes ? { padding: 0.08, minZoom: 0.45, maxZoom: 1, nodes, duration } : { ...fit, duration },
      );
    },
    [flow, focus],
  );

  useEffect(() => {
    const stage = box.current?.closest('.react-flow');
    if (!stage) return undefined;
    // Also called once at the start, which shows the focus.
    const watch = new ResizeObserver(() => show(0));
    watch.observe(stage);
    return () => watch.disconnect();
  }, [show]);

  // Text keeps a readable size on the screen when the drawing gets small.
  useEffect(
    () => box.current?.closest<HTMLElement>('.react-flow')?.style.setProperty('--zoom', String(zoom)),
    [zoom],
  );

  return (
    <div className={styles.tools} ref={box}>
      <button type="button" aria-label="Zoom in" onClick={() => void flow.zoomIn({ duration: 120 })}>
        <Icon name="plus" />
      </button>
      <button type="button" aria-label="Zoom out" onClick={() => void flow.zoomOut({ duration: 120 })}>
        <Icon name="minus" />
      </button>
      <button
        type="button"
        aria-label="Show the whole diagram"
        onClick={() => void flow.fitView({ ...fit, duration: 160 })}
      >
        <Icon name="fit" />
      </button>
    </div>
  );
}

function Legend() {
  return (
    <div className={styles.legend}>
      <span>Worst residual threat:</span>
      {levels.map((level) => (
        <span key={level} className={toneClass(levelWords[level].tone)}>
          <i />
          {levelWords[level].word}
        </span>
      ))}
      <span>
        <i />
        none
      </span>
    </div>
  );
}

function ZoneView({ data: { zone } }: NodeProps<ZoneNode>) {
  return (
    <div className={styles.zone} data-trust={zone.trust}>
      <div className={styles.zoneLabel}>
        <b>{zone.name ?? spaced(zone.id)}</b>
        <span>trust {zone.trust}</span>
        {zone.kind ? <span>{spaced(zone.kind)}</span> : null}
      </div>
    </div>
  );
}

function ElementView({ data: { element, selected, lit, faded, onSelect } }: NodeProps<ElementNode>) {
  const { icon, base } = lookOf(element.kind);
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <button
        type="button"
        className={`${styles.element} nopan`}
        data-base={base}
        data-selected={selected || undefined}
        data-lit={lit || undefined}
        data-faded={faded || undefined}
        aria-pressed={selected}
        onClick={() => onSelect(element.id)}
      >
        <span className={styles.elementIcon}>
          <Icon name={icon} />
        </span>
        <span className={styles.elementText}>
          <span className={styles.elementName}>{element.name ?? element.id}</span>
          <span className={styles.elementKind}>{spaced(element.kind)}</span>
        </span>
        {lit ? <span className="visually-hidden">, on the witness path</span> : null}
      </button>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </>
  );
}

function FlowView({ id, data }: EdgeProps<FlowEdge>) {
  if (!data) return null;
  const { flow, points, label, level, selected, lit, faded, onSelect } = data;
  const tone = level ? levelWords[level].tone : 'none';
  const path = roundedPath(points);
  return (
    <>
      <g className={toneClass(tone)}>
        <path
          className={`${styles.edge} react-flow__edge-path`}
          d={path}
          data-plain={level === undefined || undefined}
          data-weight={level === 'critical' || level === 'high' ? 'heavy' : undefined}
          data-lit={lit || selected || undefined}
          data-faded={faded || undefined}
          markerEnd={`url(#arrow-${tone})`}
        />
        {lit ? <path className={styles.runner} d={path} data-testid={`witness-${id}`} /> : null}
      </g>
      <EdgeLabelRenderer>
        {/* For the pointer only: too small and too close together for anything else. Flows stand in a list below. */}
        {/* oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions */}
        <span
          aria-hidden="true"
          className={`${styles.edgeLabel} ${toneClass(tone)} nopan`}
          style={{ transform: `translate(-50%, -50%) translate(${label.x}px, ${label.y}px)` }}
          data-selected={selected || undefined}
          data-lit={lit || undefined}
          data-faded={faded || undefined}
          onClick={() => onSelect(flow.id)}
        >
          {flow.id}
        </span>
      </EdgeLabelRenderer>
    </>
  );
}
