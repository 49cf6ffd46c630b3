// A long text as blocks of Markdown that can be drawn one by one: only the last one changes while
// text comes in, and no block is so long that drawing it would hold up the page.

export interface Block {
  start: number;
  end: number;
  /** The line that opened the fence in which this block lies; it is put before the text. */
  fence: string | null;
  /** Whether the text closes the fence by itself. */
  closed: boolean;
  /** Lines too long for Markdown are shown as they are. */
  plain: boolean;
}

const LINES = 40;
const LONG_LINE = 4000;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;

/** Blocks of `text`; `before` are those of an earlier, shorter state of the same text. */
export function splitBlocks(text: string, before: readonly Block[] = []): Block[] {
  const blocks = [...before];
  let last = blocks.pop();
  // A part of a long line is split anew from where the line begins.
  while (last && last.start > 0 && text[last.start - 1] !== "\n") last = blocks.pop();
  let fence = last?.fence ?? null;
  let start = last?.start ?? 0;
  let lines = 0;
  let at = start;
  const cut = (end: number, closed = false, plain = false): void => {
    if (end > start) blocks.push({ start, end, fence: blockFence, closed, plain });
    start = end;
    lines = 0;
    blockFence = fence;
  };
  let blockFence = fence;
  while (at < text.length) {
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline + 1;
    const line = text.slice(at, Math.min(end, at + 200));
    if (end - at > LONG_LINE) {
      cut(at);
      for (let part = at; part < end; part += LONG_LINE) cut(Math.min(part + LONG_LINE, end), true, true);
    } else {
      lines += 1;
      const mark = FENCE.exec(line)?.[1];
      const closes = fence !== null && mark !== undefined && closesFence(fence, mark);
      if (closes) {
        fence = null;
        cut(end, true);
      } else if (fence === null && mark !== undefined) {
        cut(at);
        lines = 1;
        fence = line.trimEnd();
      } else if ((fence === null && line.trim() === "" && newline >= 0) || lines >= LINES) {
        cut(end);
      }
    }
    at = end;
  }
  cut(text.length);
  return blocks;
}

function closesFence(opening: string, mark: string): boolean {
  const open = FENCE.exec(opening)?.[1] ?? "";
  return mark[0] === open[0] && mark.length >= open.length;
}

/** The Markdown of a block, whole in itself. */
export function blockText(text: string, block: Block): string {
  const part = text.slice(block.start, block.end);
  if (block.fence === null) return part;
  return `${block.fence}\n${part}`;
}
