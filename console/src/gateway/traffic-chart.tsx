import 'uplot/dist/uPlot.min.css';
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useMemo, useRef } from 'react';
import uPlot from 'uplot';
import type { Exchange } from '../api/types.ts';
import { toneClass } from '../ui/marks.tsx';
import { dark, light } from '../ui/tokens.ts';
import { timeline } from './exchanges.ts';
import styles from './traffic-page.module.css';

const slots = 60;
const slotMs = 10_000;

/** Decisions per ten seconds: let through, changed on the way, stopped. */
export function TrafficChart({ exchanges, now }: { exchanges: readonly Exchange[]; now: number }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const scheme = useComputedColorScheme('light');
  const series = useMemo(() => timeline(exchanges, now, slots, slotMs), [exchanges, now]);
  const sums = series.reduce(
    (sum, slot) => ({
      allowed: sum.allowed + slot.allowed,
      touched: sum.touched + slot.touched,
      stopped: sum.stopped + slot.stopped,
    }),
    { allowed: 0, touched: 0, stopped: 0 },
  );

  useEffect(() => {
    const place = box.current;
    if (!place) return undefined;
    const drawn = new uPlot(
      { ...options(scheme), width: place.clientWidth, height: 80 },
      [[], [], [], []],
      place,
    );
    plot.current = drawn;
    const watch = new ResizeObserver(() => drawn.setSize({ width: place.clientWidth, height: 80 }));
    watch.observe(place);
    return () => {
      watch.disconnect();
      drawn.destroy();
      plot.current = undefined;
    };
  }, [scheme]);

  useEffect(() => {
    plot.current?.setData([
      series.map((slot) => slot.start / 1000),
      series.map((slot) => slot.allowed),
      series.map((slot) => slot.touched),
      series.map((slot) => slot.stopped),
    ]);
  }, [series, scheme]);

  return (
    <>
      <div
        className={styles.chart}
        ref={box}
        role="img"
        aria-label={`Last ten minutes: ${sums.allowed} allowed, ${sums.touched} alerted or changed, ${sums.stopped} stopped`}
      />
      <div className={styles.key} aria-hidden="true">
        <span className={toneClass('none')}>
          <i /> {sums.allowed} allowed
        </span>
        <span className={toneClass('low')}>
          <i /> {sums.touched} alerted or changed
        </span>
        <span className={toneClass('critical')}>
          <i /> {sums.stopped} stopped
        </span>
      </div>
    </>
  );
}

function options(scheme: 'light' | 'dark'): Omit<uPlot.Options, 'width' | 'height'> {
  const palette = scheme === 'dark' ? dark : light;
  const line = (tone: keyof typeof palette.tones): uPlot.Series => ({
    stroke: palette.tones[tone].ink,
    fill: `${palette.tones[tone].ink}18`,
    width: 1.5,
    paths: uPlot.paths.stepped!({ align: 1 }),
    points: { show: false },
  });
  const axis: uPlot.Axis = {
    stroke: palette.muted,
    font: '11px sans-serif',
    grid: { stroke: palette.line, width: 1 },
    ticks: { show: false },
  };
  return {
    padding: [4, 4, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { y: { range: (_, __, max) => [0, Math.max(4, max)] } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 90,
        size: 22,
        values: (_, times) => times.map((time) => hourMinute.format(time * 1000)),
      },
      { ...axis, size: 28, space: 26, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000] },
    ],
    series: [{}, line('none'), line('low'), line('critical')],
  };
}

const hourMinute = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
