import type { Output } from './output.js';
import { plain } from './plain-text.js';

export interface Column {
  readonly head: string;
  readonly align?: 'left' | 'right';
  /** Cut so that the table fits the terminal. At most one column of a table. */
  readonly cut?: boolean;
}

/** Without a terminal there is no width to keep to, but a line should stay a line. */
const WIDTH_OF_A_PIPE = 160;
const GAP = 2;
const LEAST_CUT = 20;

/** Rows as aligned columns, without frames: for reading, and for `grep` and `awk`. Cells are foreign text. */
export async function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { paint, width }: Pick<Output, 'paint' | 'width'>,
): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const cells = rows.map((row) => row.map(plain));
  const widths = columns.map(({ head }, at) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[at] ?? '')), head.length),
  );
  const over = widths.reduce((sum, own) => sum + own + GAP, 0) - GAP - (width ?? WIDTH_OF_A_PIPE);
  // What is not cut is left to the table, which measures text more exactly than we do.
  const colWidths = columns.map(({ cut }, at) => {
    const own = widths[at] ?? 0;
    return cut && over > 0 ? Math.max(Math.min(LEAST_CUT, own), own - over) + GAP : null;
  });
  const drawn = new Table({
    head: columns.map(({ head }) => paint.bold(head)),
    colWidths,
    colAligns: columns.map(({ align = 'left' }) => align),
    chars: NO_FRAME,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP, compact: true },
  });
  drawn.push(...cells);
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Columns on a terminal, near enough to share out its width. */
function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += WIDE.test(char) ? 2 : 1;
  return width;
}

const WIDE =
  /[\u{1100}-\u{115f}\u{2e80}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{ffe0}-\u{ffe6}\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

const NO_FRAME = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};
