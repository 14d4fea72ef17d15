import type { Clock } from '../../kernel/clock.ts';
import { securityEvent, type SecurityEvent } from '../../kernel/event.ts';
import { Problem } from '../../kernel/problem.ts';
import { evidenceOfPair, isDrifting, restingPair, stepPair, type PairState } from './detector.ts';
import { addExchange, signals, type MonitoredExchange, type Signal, type Window } from './signals.ts';
import { emptySketch, merge, sketchQuantile, type Sketch } from './sketch.ts';
import type { MonitorStore } from './store.ts';

export interface MonitorOptions {
  /** Rows of the tenant that is watched. */
  store: MonitorStore;
  clock: Clock;
  /** Takes alarms, as OCSF detection findings; the ledger in the product. */
  record(event: SecurityEvent): Promise<unknown>;
  onError?(error: unknown): void;
  /** Cost of an exchange from its tokens, when prices are known; without it cost is not watched. */
  price?(model: string, tokens: { prompt: number; completion: number }): number | undefined;
  settings?: Partial<MonitorSettings>;
}

export interface MonitorSettings {
  /** Exchanges that make a window. */
  windowSize: number;
  /** A window also closes when it is this old and holds at least `windowLeast`; milliseconds. */
  windowMs: number;
  windowLeast: number;
  /** Windows whose traffic is the reference. */
  referenceWindows: number;
  /** Windows between two false alarms, on average, over all signals of a series. */
  falseAlarmWindows: number;
  /** Least KS distance of numbers, and least Hellinger distance of categories, that matters. */
  effect: { numeric: number; categorical: number };
}

export const monitorDefaults: MonitorSettings = {
  windowSize: 200,
  windowMs: 3_600_000,
  windowLeast: 50,
  referenceWindows: 10,
  falseAlarmWindows: 1000,
  effect: { numeric: 0.08, categorical: 0.06 },
};

/** One signal in one closed window. */
export interface WindowSignal {
  count: number;
  /** Of numbers: median and 95th percentile. Of categories: shares, largest first. */
  median?: number;
  p95?: number;
  shares?: [category: string, share: number][];
  /** Absent while the reference is learnt. */
  p?: number;
  effect?: number;
  psi?: number;
  evidence?: number;
  drifting?: boolean;
}

export interface ClosedWindow {
  number: number;
  from: number;
  to: number;
  exchanges: number;
  signals: Record<string, WindowSignal>;
}

/** A client element's use of one model. */
export interface SeriesState {
  client: string;
  model: string;
  state: 'learning' | 'steady' | 'drifting';
  /** Exchanges in the reference and in the open window. */
  reference: { exchanges: number; windows: number; since: number };
  open: number;
  signals: (Pick<Signal, 'id' | 'title' | 'kind' | 'unit'> & {
    drifting: boolean;
    /** Start of the windows that the drift rests on. */
    since?: number;
    evidence: number;
    reference?: WindowSignal;
    latest?: WindowSignal;
  })[];
  /** Oldest first. */
  windows: ClosedWindow[];
}

export interface Monitor {
  /** Takes one exchange; cheap, does no I/O. */
  observe(exchange: MonitoredExchange): void;
  list(): { series: SeriesState[]; unwatched: number };
  /** Learns the reference anew, after a change that was meant. */
  relearn(client: string, model: string): Promise<void>;
  /** Writes what is not yet written and records alarms that are due. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Series {
  client: string;
  model: string;
  next: number;
  learnt: { windows: number; exchanges: number; since: number };
  reference: Window;
  detectors: Record<string, PairState>;
  open: { from: number; exchanges: number; window: Window };
}

const seriesKept = 200;
const windowsKept = 500;
const windowsShown = 100;
const flushMs = 5000;

/**
 * Watches how models behave in real traffic, per client element and model: sketches per window, compared with a reference
 * by e-detectors with a gate on the effect. What it cannot write is tried again; it never holds up an exchange.
 */
export async function openMonitor(options: MonitorOptions): Promise<Monitor> {
  const { clock, record, price, store } = options;
  const settings = { ...monitorDefaults, ...options.settings };
  const all = new Map<string, Series>();
  const shown = new Map<string, ClosedWindow[]>();
  const changed = new Set<string>();
  let closed: { key: string; window: ClosedWindow }[] = [];
  let due: SecurityEvent[] = [];
  let unwatched = 0;
  let flushing: Promise<void> = Promise.resolve();

  for (const { client, model, body } of await store.series(seriesKept)) {
    const key = keyOf(client, model);
    all.set(key, { ...(JSON.parse(body) as Omit<Series, 'client' | 'model'>), client, model });
    const rows = await store.windows(client, model, windowsShown);
    shown.set(
      key,
      rows.reverse().map((row) => JSON.parse(row.body) as ClosedWindow),
    );
  }
  const timer = setInterval(() => {
    flush().catch((error: unknown) => options.onError?.(error));
  }, flushMs);
  timer.unref();

  function observe(exchange: MonitoredExchange): void {
    const { client, model, tokens, at } = exchange;
    const key = keyOf(client, model);
    let series = all.get(key);
    if (!series) {
      if (all.size >= seriesKept) {
        unwatched++;
        return;
      }
      series = freshSeries(client, model, 0, at);
      all.set(key, series);
    }
    if (isOver(series.open, at)) closeWindow(key, series, at);
    if (series.open.exchanges === 0) series.open.from = at;
    const cost = exchange.cost ?? price?.(model, tokens);
    addExchange(series.open.window, cost === undefined ? exchange : { ...exchange, cost });
    series.open.exchanges++;
    if (series.open.exchanges >= settings.windowSize) closeWindow(key, series, at);
    changed.add(key);
  }

  function isOver(open: Series['open'], now: number): boolean {
    return open.exchanges >= settings.windowLeast && now - open.from >= settings.windowMs;
  }

  function closeWindow(key: string, series: Series, to: number): void {
    const { from, exchanges, window } = series.open;
    const number = series.next++;
    const learning = series.learnt.windows < settings.referenceWindows;
    const done: ClosedWindow = { number, from, to, exchanges, signals: {} };
    for (const signal of signals) {
      const current = window[signal.id];
      if (!current) continue;
      const summary = summarise(current);
      done.signals[signal.id] = summary;
      if (learning) merge((series.reference[signal.id] ??= emptySketch(signal.kind)), current);
      else judge(series, signal, current, from, summary);
    }
    if (learning) {
      if (series.learnt.windows === 0) series.learnt.since = from;
      series.learnt.windows++;
      series.learnt.exchanges += exchanges;
    }
    series.open = { from: to, exchanges: 0, window: {} };
    const list = shown.get(key) ?? [];
    list.push(done);
    shown.set(key, list.slice(-windowsShown));
    closed.push({ key, window: done });
  }

  function judge(series: Series, signal: Signal, current: Sketch, from: number, summary: WindowSignal): void {
    const reference = series.reference[signal.id] ?? emptySketch(signal.kind);
    const before = series.detectors[signal.id] ?? restingPair(signal.kind);
    const { state, window, recent, since, merged, change } = stepPair(before, reference, current, from, {
      // One in so many windows over all signals together (union bound).
      threshold: settings.falseAlarmWindows * signals.length,
      effect: settings.effect[signal.kind],
    });
    series.detectors[signal.id] = state;
    Object.assign(summary, {
      p: window.p,
      effect: window.effect,
      psi: window.psi,
      evidence: Math.exp(evidenceOfPair(state)),
      drifting: isDrifting(state),
    });
    if (change === 'none') return;
    due.push(
      securityEvent({
        kind: 'detection_finding',
        activity: change === 'drift' ? 1 : 3,
        message:
          change === 'drift'
            ? `model behaviour drifted: ${signal.title.toLowerCase()}`
            : `model behaviour is back: ${signal.title.toLowerCase()}`,
        time: clock.now(),
        severity: change === 'drift' ? 3 : 1,
        model: { name: series.model, ai_provider: 'unknown' },
        unmapped: {
          detection: 'model-drift',
          client: series.client,
          signal: signal.id,
          change,
          since,
          p: window.p,
          effect: recent.effect,
          psi: recent.psi,
          evidence: Math.exp(evidenceOfPair(state)),
          reference: summarise(reference),
          recent: summarise(merged),
        },
      }),
    );
  }

  /** One flush at a time. What cannot be written is kept and tried again with the next. */
  function flush(): Promise<void> {
    flushing = flushing.then(write, write);
    return flushing;
  }

  async function write(): Promise<void> {
    const now = clock.now();
    for (const [key, series] of all) {
      if (!isOver(series.open, now)) continue;
      closeWindow(key, series, now);
      changed.add(key);
    }
    while (due.length > 0) {
      await record(due[0]!);
      due = due.slice(1);
    }
    const keys = [...changed];
    const windows = closed;
    if (keys.length === 0 && windows.length === 0) return;
    changed.clear();
    closed = [];
    try {
      await store.save(
        keys.flatMap((key) => {
          const series = all.get(key);
          if (!series) return [];
          const { client, model, ...body } = series;
          return [{ client, model, body: JSON.stringify(body) }];
        }),
        windows.flatMap(({ key, window }) => {
          const series = all.get(key);
          if (!series) return [];
          const { client, model } = series;
          return [{ client, model, number: window.number, body: JSON.stringify(window) }];
        }),
        windowsKept,
      );
    } catch (error) {
      for (const key of keys) changed.add(key);
      closed = [...windows, ...closed];
      throw error;
    }
  }

  function describe(key: string, series: Series): SeriesState {
    const windows = shown.get(key) ?? [];
    const latest = windows.at(-1);
    const learning = series.learnt.windows < settings.referenceWindows;
    const described = signals.flatMap(({ id, title, kind, unit }) => {
      const reference = series.reference[id];
      if (!reference && !latest?.signals[id]) return [];
      const detector = series.detectors[id];
      return [
        {
          id,
          title,
          kind,
          ...(unit === undefined ? {} : { unit }),
          drifting: detector !== undefined && isDrifting(detector),
          ...(detector && isDrifting(detector) ? { since: sinceOf(detector) } : {}),
          evidence: detector === undefined ? 1 : Math.exp(evidenceOfPair(detector)),
          ...(reference ? { reference: summarise(reference) } : {}),
          ...(latest?.signals[id] ? { latest: latest.signals[id] } : {}),
        },
      ];
    });
    const { windows: learntWindows, exchanges, since } = series.learnt;
    return {
      client: series.client,
      model: series.model,
      state: learning ? 'learning' : described.some(({ drifting }) => drifting) ? 'drifting' : 'steady',
      reference: { exchanges, windows: learntWindows, since },
      open: series.open.exchanges,
      signals: described,
      windows,
    };
  }

  return {
    observe,
    list: () => ({ series: [...all].map(([key, series]) => describe(key, series)), unwatched }),
    async relearn(client, model) {
      const key = keyOf(client, model);
      const series = all.get(key);
      if (!series)
        throw new Problem('NOT_FOUND', {
          detail: `nothing is known of \`${model}\` as used by \`${client}\``,
          fix: 'List what is watched with `merlon monitor show`.',
        });
      all.set(key, freshSeries(client, model, series.next, clock.now()));
      changed.add(key);
      await record(
        securityEvent({
          kind: 'entity_management',
          activity: 3,
          message: 'reference of the drift monitor learnt anew',
          time: clock.now(),
          unmapped: { client, model },
        }),
      );
      await flush();
    },
    flush,
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}

function freshSeries(client: string, model: string, next: number, at: number): Series {
  return {
    client,
    model,
    next,
    learnt: { windows: 0, exchanges: 0, since: at },
    reference: {},
    detectors: {},
    open: { from: at, exchanges: 0, window: {} },
  };
}

const sinceOf = ({ window, block }: PairState): number =>
  block.evidence > window.evidence ? block.since : window.since;

const categoriesShown = 12;

function summarise(sketch: Sketch): WindowSignal {
  if (sketch.kind === 'categorical') {
    const shares = Object.entries(sketch.categories)
      .map(([category, count]): [string, number] => [category, count / sketch.count])
      .sort((a, b) => b[1] - a[1])
      .slice(0, categoriesShown);
    return { count: sketch.count, shares };
  }
  const [median, p95] = [sketchQuantile(sketch, 0.5), sketchQuantile(sketch, 0.95)];
  return {
    count: sketch.count,
    ...(median === undefined ? {} : { median }),
    ...(p95 === undefined ? {} : { p95 }),
  };
}

const keyOf = (client: string, model: string): string => JSON.stringify([client, model]);
