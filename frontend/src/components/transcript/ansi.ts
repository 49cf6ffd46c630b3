// Output of programs as text with classes. No markup ever comes out of it.

export interface Span {
  text: string;
  className: string;
}

const COLOURS = ["text-muted", "text-bad", "text-ok", "text-warn", "text-run", "text-human", "text-accent", ""];
/* eslint-disable no-control-regex -- they are what is looked for */
// Colours are kept; cursor moves, titles and whatever else terminals know are taken out.
const ESCAPE = /\u001b\[([0-9;]*)m|\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-~]|\u009b[0-9;?]*[ -/]*[@-~]/g;
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
/* eslint-enable no-control-regex */
// Marks that turn the direction of text can make it read as what it is not.
const DIRECTION = /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g;

const named = (mark: string): string => `[U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;

/** Text without control characters; marks of direction are named. */
export function visible(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(HIDDEN, "").replace(DIRECTION, named);
}

export function plainText(text: string): string {
  return visible(text.replace(ESCAPE, ""));
}

interface Style {
  bold: boolean;
  dim: boolean;
  underline: boolean;
  colour: number;
}

export function ansiSpans(text: string): Span[] {
  const spans: Span[] = [];
  let style: Style = { bold: false, dim: false, underline: false, colour: -1 };
  let last = 0;
  const add = (part: string): void => {
    const shown = visible(part);
    if (!shown) return;
    const className = classes(style);
    const before = spans.at(-1);
    if (before?.className === className) before.text += shown;
    else spans.push({ text: shown, className });
  };
  for (const match of text.matchAll(ESCAPE)) {
    add(text.slice(last, match.index));
    last = match.index + match[0].length;
    if (match[1] !== undefined) style = styled(style, match[1]);
  }
  add(text.slice(last));
  return spans;
}

function styled(before: Style, codes: string): Style {
  let style = { ...before };
  const numbers = codes.split(";").map(Number);
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at] ?? 0;
    if (code === 0) style = { bold: false, dim: false, underline: false, colour: -1 };
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 4) style.underline = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 24) style.underline = false;
    else if (code >= 30 && code <= 37) style.colour = code - 30;
    else if (code >= 90 && code <= 97) style.colour = code - 90;
    else if (code === 39) style.colour = -1;
    else if (code === 38 || code === 48) at += numbers[at + 1] === 2 ? 4 : 2;
  }
  return style;
}

function classes(style: Style): string {
  return [
    style.colour >= 0 ? COLOURS[style.colour] : style.dim ? "text-muted" : "",
    style.bold ? "font-semibold" : "",
    style.underline ? "underline" : "",
  ].filter(Boolean).join(" ");
}
