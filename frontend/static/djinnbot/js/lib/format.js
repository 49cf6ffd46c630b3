// Numbers and times for people.

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

/** Milliseconds by which the server's clock is ahead of ours. */
let ahead = 0;
export function learnClock(ts) {
  const difference = Date.parse(ts) - Date.now();
  if (Number.isFinite(difference) && difference > ahead) ahead = Math.min(difference, 86_400_000);
}
export const now = () => Date.now() + ahead;

export function ago(time) {
  const seconds = Math.round((Date.parse(time) - now()) / 1000);
  if (Math.abs(seconds) < 45) return "just now";
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size || unit === "minute") {
      return relative.format(Math.round(seconds / size), unit);
    }
  }
  return "";
}

export const exactTime = (time) => (time ? exact.format(new Date(time)) : "");
export const clockTime = (time) => (time ? clock.format(new Date(time)) : "");

export function duration(ms) {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "";
  if (ms < 0) ms = 0;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** From `start` to `end`, or to now. */
export function between(start, end) {
  return start ? duration((end ? Date.parse(end) : now()) - Date.parse(start)) : "";
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function tokens(number) {
  if (!number) return "0";
  if (number < 10_000) return number.toLocaleString("en");
  if (number < 1_000_000) return `${(number / 1000).toFixed(1)} k`;
  return `${(number / 1_000_000).toFixed(2)} M`;
}

export function money(value) {
  if (value === null || value === undefined || value === "") return "–";
  const amount = Number(value);
  if (amount === 0) return "$0.00";
  return amount < 0.01 ? "< $0.01" : `$${amount.toFixed(2)}`;
}

export function bytes(size) {
  if (size < 1024) return `${size} B`;
  if (size < 1024 * 1024) return `${(size / 1024).toFixed(1)} KB`;
  return `${(size / 1024 / 1024).toFixed(1)} MB`;
}

export const firstLine = (text) => (text ?? "").trim().split("\n")[0];
