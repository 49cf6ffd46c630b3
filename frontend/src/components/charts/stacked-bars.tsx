import { useId } from "react";

export interface Layer {
  name: string;
  values: number[];
}

interface StackedBarsProps {
  /** What it shows, for readers. */
  label: string;
  buckets: string[];
  layers: Layer[];
  text: (value: number) => string;
  bucketText: (bucket: string) => string;
}

const WIDTH = 1200;
const HEIGHT = 240;
const LEFT = 64;
const BOTTOM = 28;
const TOP = 8;
/** Far apart in hue, the same order everywhere. Lightness and chroma come with the theme. */
const HUES = [255, 60, 160, 310, 25, 200, 105, 340];

const tint = (index: number): { fill: string } => ({
  fill: `oklch(var(--agent-l) var(--agent-c) ${HUES[index % HUES.length] ?? 255})`,
});
const background = (index: number): { background: string } => ({ background: tint(index).fill });

/** A phone begins with the latest. */
const toTheEnd = (figure: HTMLElement | null): void => figure?.scrollTo({ left: figure.scrollWidth });

/** A round number at or above the highest bar, and lines at its quarters. */
export function niceTop(highest: number): number {
  if (highest <= 0) return 1;
  const size = 10 ** Math.floor(Math.log10(highest));
  const found = [1, 2, 2.5, 5, 10].find((factor) => factor * size >= highest) ?? 10;
  return found * size;
}

/** Bars over time, one on the other. A table with the same figures stands beside it on the page. */
export function StackedBars({ label, buckets, layers, text, bucketText }: StackedBarsProps) {
  const id = useId();
  const sums = buckets.map((_, at) => layers.reduce((all, layer) => all + (layer.values[at] ?? 0), 0));
  const top = niceTop(Math.max(0, ...sums));
  const room = HEIGHT - TOP - BOTTOM;
  const slot = (WIDTH - LEFT) / Math.max(1, buckets.length);
  const bar = Math.max(1, Math.min(48, slot * 0.72));
  const y = (value: number) => TOP + room - (value / top) * room;
  const every = Math.max(1, Math.ceil(buckets.length / 8));
  return (
    // What scrolls on a phone must be reachable by keys.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <figure ref={toTheEnd} className="m-0 overflow-x-auto" tabIndex={0} aria-label={label}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className="block h-auto w-full max-sm:min-w-140" role="img" aria-labelledby={id}>
        <title id={id}>{label}</title>
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <g key={part}>
            <line x1={LEFT} x2={WIDTH} y1={y(top * part)} y2={y(top * part)} className="stroke-border" />
            <text x={LEFT - 8} y={y(top * part) + 4} textAnchor="end" className="fill-muted text-xs max-sm:text-[24px]">
              {text(top * part)}
            </text>
          </g>
        ))}
        {buckets.map((bucket, at) => {
          let under = 0;
          const x = LEFT + slot * at + (slot - bar) / 2;
          return (
            <g key={bucket}>
              {layers.map((layer, index) => {
                const value = layer.values[at] ?? 0;
                if (value <= 0) return null;
                const height = (value / top) * room;
                under += height;
                return (
                  <rect key={layer.name} x={x} y={TOP + room - under} width={bar} height={height} rx={1} style={tint(index)}>
                    <title>{`${bucketText(bucket)}, ${layer.name}: ${text(value)}`}</title>
                  </rect>
                );
              })}
              {at % every === 0 ? (
                <text x={x + bar / 2} y={HEIGHT - 6} textAnchor={at === 0 && slot < 2 * LEFT ? "start" : "middle"} className="fill-muted text-xs max-sm:text-[24px]">
                  {bucketText(bucket)}
                </text>
              ) : null}
            </g>
          );
        })}
      </svg>
      <figcaption className="sticky left-0 mt-2 flex w-fit flex-wrap gap-x-4 gap-y-1 text-xs text-muted">
        {layers.map((layer, index) => (
          <span key={layer.name} className="inline-flex items-center gap-1.5">
            <span className="size-2.5 rounded-[2px]" style={background(index)} aria-hidden />
            {layer.name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
