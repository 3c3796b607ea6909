import type { Output } from '../output.js';

/** Back to the start of the line, and nothing on it. */
const CLEAR = '\r\x1b[2K';

/** One line at the bottom of a terminal that is drawn anew; what is said meanwhile stands above it. */
export class LiveLine {
  readonly #output: Output;
  #text = '';

  constructor(output: Output) {
    this.#output = output;
  }

  draw(text: string): void {
    // A line that wraps could not be cleared any more.
    this.#text = text.slice(0, Math.max(0, (process.stderr.columns || 80) - 1));
    process.stderr.write(`${CLEAR}${this.#text}`);
  }

  /** Says something above the line. */
  say(run: (output: Output) => void): void {
    if (this.#text === '') return run(this.#output);
    process.stderr.write(CLEAR);
    run(this.#output);
    process.stderr.write(this.#text);
  }

  end(): void {
    if (this.#text !== '') process.stderr.write(CLEAR);
    this.#text = '';
  }
}
