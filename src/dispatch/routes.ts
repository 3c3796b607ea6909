import type { Route } from '../contracts/route.js';
import { patternMatcher } from '../registry/pattern.js';

/** Foreign programs choose some of the names that are published on, so what is remembered of them has an end. */
const MOST_REMEMBERED = 10_000;

/** Which route a name takes. Looked up once per name, then remembered. */
export class Routes {
  readonly all: readonly Route[];
  readonly #matchers: readonly { readonly route: Route; readonly matches: (event: string) => boolean }[];
  readonly #remembered = new Map<string, Route | undefined>();

  constructor(routes: readonly Route[]) {
    this.all = routes;
    this.#matchers = routes.flatMap((route) =>
      (typeof route.match === 'string' ? [route.match] : route.match).map((pattern) => ({
        route,
        matches: patternMatcher(pattern),
      })),
    );
  }

  /** The first that matches; undefined: it goes where everything goes. */
  of(event: string): Route | undefined {
    if (this.#matchers.length === 0) return undefined;
    const known = this.#remembered.get(event);
    if (known !== undefined || this.#remembered.has(event)) return known;
    const route = this.#matchers.find(({ matches }) => matches(event))?.route;
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(event, route);
    return route;
  }
}
