import { RawJson } from '../../envelope/index.js';

/**
 * A JSON text as a value in which whatever is called `payload` stays as it is written, for its numbers are not always
 * JavaScript's. The text has to be JSON, and not deeper than calls may be: both are for the caller to see to.
 */
export function withRawPayloads(text: string): unknown {
  return new Reader(text).value();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): unknown {
    switch (this.#peek()) {
      case '{':
        return this.#object();
      case '[':
        return this.#array();
      default:
        return JSON.parse(this.#scalar());
    }
  }

  #object(): object {
    const entries: [string, unknown][] = [];
    this.#at++;
    while (this.#peek() !== '}') {
      if (this.#peek() === ',') this.#at++;
      this.#peek();
      const name = JSON.parse(this.#scalar()) as string;
      this.#peek();
      this.#at++;
      entries.push([name, name === 'payload' ? this.#raw() : this.value()]);
    }
    this.#at++;
    // Defines and never assigns: a `__proto__` stays data.
    return Object.fromEntries(entries);
  }

  #array(): unknown[] {
    const items: unknown[] = [];
    this.#at++;
    while (this.#peek() !== ']') {
      if (this.#peek() === ',') this.#at++;
      items.push(this.value());
    }
    this.#at++;
    return items;
  }

  #raw(): RawJson {
    this.#peek();
    const start = this.#at;
    let depth = 0;
    do {
      const char = this.#peek();
      if (char === '{' || char === '[') depth++;
      else if (char === '}' || char === ']') depth--;
      else if (char !== ',' && char !== ':') {
        this.#scalar();
        continue;
      }
      this.#at++;
    } while (depth > 0);
    return new RawJson(this.#text.slice(start, this.#at));
  }

  #scalar(): string {
    const start = this.#at;
    if (this.#text[start] === '"') this.#at = endOfString(this.#text, start) + 1;
    else while (this.#at < this.#text.length && !/[\s,\]}]/.test(this.#text[this.#at] ?? '')) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  /** The next character that is no white space; what is read next begins there. */
  #peek(): string {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
    return this.#text[this.#at] ?? '';
  }
}

/** The closing quote: the first that an even number of backslashes precedes. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (text[before - 1] === '\\') before--;
    if ((end - before) % 2 === 0) return end;
  }
}
