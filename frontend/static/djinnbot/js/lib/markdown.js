// A small part of Markdown as elements. Text only ever becomes text: no HTML, images or handlers.

import { h } from "./dom.js";

export function markdown(text) {
  const blocks = [];
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  let at = 0;
  while (at < lines.length) {
    const [block, next] = blockAt(lines, at);
    if (block) blocks.push(block);
    at = next;
  }
  return blocks;
}

const FENCE = /^\s*(```|~~~)\s*([\w+-]*)/;
const HEADING = /^(#{1,6})\s+(.*)/;
const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)/;
const QUOTE = /^>\s?(.*)/;
const RULE = /^\s*([-*_])(\s*\1){2,}\s*$/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)+\|?\s*$/;

function blockAt(lines, at) {
  const line = lines[at];
  if (!line.trim()) return [null, at + 1];
  if (FENCE.test(line)) return fence(lines, at);
  const heading = line.match(HEADING);
  if (heading) return [h(`h${Math.min(heading[1].length + 2, 6)}`, null, inline(heading[2])), at + 1];
  if (RULE.test(line)) return [h("hr"), at + 1];
  if (QUOTE.test(line)) return quote(lines, at);
  if (ITEM.test(line)) return list(lines, at);
  if (line.includes("|") && TABLE_RULE.test(lines[at + 1] ?? "")) return table(lines, at);
  return paragraph(lines, at);
}

function fence(lines, at) {
  const mark = lines[at].match(FENCE)[1];
  let end = at + 1;
  while (end < lines.length && !lines[end].trim().startsWith(mark)) end += 1;
  return [h("pre", { class: "code" }, h("code", null, lines.slice(at + 1, end).join("\n"))), end + 1];
}

function quote(lines, at) {
  const inner = [];
  while (at < lines.length && QUOTE.test(lines[at])) inner.push(lines[at++].match(QUOTE)[1]);
  return [h("blockquote", null, markdown(inner.join("\n"))), at];
}

function list(lines, at) {
  const ordered = /\d/.test(lines[at].match(ITEM)[2]);
  const depth = lines[at].match(ITEM)[1].length;
  const items = [];
  while (at < lines.length) {
    const match = lines[at].match(ITEM);
    if (match && match[1].length === depth) {
      items.push([match[3]]);
    } else if (items.length && lines[at].trim() && /^\s+/.test(lines[at])) {
      items.at(-1).push(lines[at].slice(Math.min(depth + 2, lines[at].search(/\S/))));
    } else {
      break;
    }
    at += 1;
  }
  const rows = items.map(([first, ...rest]) =>
    h("li", null, inline(first), rest.length > 0 && markdown(rest.join("\n"))));
  return [h(ordered ? "ol" : "ul", null, rows), at];
}

function table(lines, at) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const head = cells(lines[at]).map((cell) => h("th", null, inline(cell)));
  const rows = [];
  at += 2;
  while (at < lines.length && lines[at].includes("|")) {
    rows.push(h("tr", null, cells(lines[at++]).map((cell) => h("td", null, inline(cell)))));
  }
  return [h("div", { class: "scroll" }, h("table", null, h("thead", null, h("tr", null, head)),
    h("tbody", null, rows))), at];
}

function paragraph(lines, at) {
  const part = [];
  while (at < lines.length && lines[at].trim()
    && !(part.length && (FENCE.test(lines[at]) || HEADING.test(lines[at]) || ITEM.test(lines[at])))) {
    part.push(lines[at++]);
  }
  // Models wrap their lines: a single line end is a space, two blanks before it a break.
  const children = part.flatMap((line, index) => {
    const broken = index > 0 && /( {2}|\\)$/.test(part[index - 1]);
    return [index > 0 && (broken ? h("br") : " "), inline(line.replace(/( {2,}|\\)$/, ""))];
  });
  return [h("p", null, children), at];
}

const INLINE = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/g;

function inline(text) {
  const parts = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    parts.push(text.slice(last, match.index));
    last = match.index + match[0].length;
    const [, code, strong, emphasis, label, address] = match;
    if (code) parts.push(h("code", null, code));
    else if (strong) parts.push(h("strong", null, strong));
    else if (emphasis) parts.push(h("em", null, emphasis));
    else parts.push(h("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, label,
      h("span", { class: "muted" }, ` (${new URL(address).host})`)));
  }
  parts.push(text.slice(last));
  return parts;
}
