/** Numbers, money and times as people read them. English; times in the browser's zone. */

const UNITS: [string, number][] = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** `42 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. Takes seconds. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 1) return seconds === 0 ? "0 s" : "< 1 s";
  const whole = Math.floor(seconds);
  const index = UNITS.findIndex(([, size]) => whole >= size);
  const [unit, size] = UNITS[index] ?? ["s", 1];
  const first = `${Math.floor(whole / size)} ${unit}`;
  const next = UNITS[index + 1];
  const rest = next ? Math.floor((whole % size) / next[1]) : 0;
  return next && rest > 0 ? `${first} ${rest} ${next[0]}` : first;
}

/** Dollars: four significant digits below one, two decimals above. Takes a number or its text. */
export function money(amount: number | string | null | undefined): string {
  const value = Number(amount ?? 0);
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "$0.00";
  const size = Math.abs(value);
  if (size >= 1) {
    const text = size.toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    return `${value < 0 ? "−" : ""}$${text}`;
  }
  if (size < 0.000_05) return "< $0.0001";
  const digits = size.toLocaleString("en", { maximumSignificantDigits: 4 });
  const text = digits.length < "0.00".length ? digits.padEnd("0.00".length, "0") : digits;
  return `${value < 0 ? "−" : ""}$${text}`;
}

/** `950`, `12.4k`, `3.1M`. */
export function count(value: number | null | undefined): string {
  const number = value ?? 0;
  if (Math.abs(number) < 10_000) return number.toLocaleString("en");
  return number
    .toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 })
    .replace("K", "k");
}

export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1_000 && unit < units.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit] ?? "B"}`;
}

/** `just now`, `5 min ago`, `in 2 h`, `3 d ago`; a date when it is more than 30 days away. */
export function relative(time: Date | string, now: number = Date.now()): string {
  const at = new Date(time);
  const seconds = (now - at.getTime()) / 1_000;
  const size = Math.abs(seconds);
  if (size < 10) return "just now";
  if (size > 30 * 86_400) return at.toLocaleDateString("en", { dateStyle: "medium" });
  const [unit, length] = UNITS.find(([, each]) => size >= each) ?? ["s", 1];
  const text = `${Math.floor(size / length)} ${unit}`;
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

/** The exact time, for titles. */
export const exact = (time: Date | string): string =>
  new Date(time).toLocaleString("en", { dateStyle: "medium", timeStyle: "medium" });

export const clock = (time: Date | string | number): string =>
  new Date(time).toLocaleTimeString("en", { hour12: false });

/** The hue of an agent, the same everywhere, from its id. */
export function hueOf(id: string): number {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + char.charCodeAt(0)) >>> 0;
  return hash % 360;
}

/** `run_01HX…9QZK`: enough to tell two apart. */
export const shortId = (id: string): string =>
  id.length <= 16 ? id : `${id.slice(0, id.indexOf("_") + 5)}…${id.slice(-4)}`;

/** How long a call took, from milliseconds. */
export const took = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : duration(ms / 1000));
