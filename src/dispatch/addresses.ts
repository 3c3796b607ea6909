import { type Route, transportName } from '../contracts/route.js';
import type { Routes } from './routes.js';

/** A queue on a transport. */
export interface Address {
  readonly transport: string;
  readonly queue: string;
}

/** One contract that somebody here wants to receive. */
export interface Need {
  readonly contract: string;
  readonly isJob: boolean;
  /** The queue its listener runs from. */
  readonly queue: string | undefined;
}

export interface Places {
  /** The config's own transport and queue. */
  readonly own: Address;
  readonly routes: Routes;
}

/** What a command line may leave of them. */
export interface Restriction {
  /** Only this transport. */
  readonly transport?: string | undefined;
  /** Only these: a queue on every transport that is consumed, or `transport:queue`. */
  readonly queues?: readonly string[] | undefined;
}

/**
 * Every address a worker has to consume, the config's own first. A queue that a listener runs from is consumed on each of
 * the transports: what reaches the listener on another queue is handed over on the transport it arrived on.
 */
export function addressesOf(
  places: Places,
  needs: readonly Need[],
  { transport, queues }: Restriction = {},
): readonly Address[] {
  const led = distinct([places.own, ...needs.flatMap((need) => routed(places, need)), ...forced(places)]);
  const transports = transport === undefined ? new Set(led.map((address) => address.transport)) : [transport];
  const found = [...transports].flatMap((name) => {
    const there = led.filter((address) => address.transport === name);
    // Nothing leads there: whoever names it all the same wants what is always consumed.
    const first = there.length > 0 ? there : [{ transport: name, queue: places.own.queue }];
    return [...first, ...needs.flatMap(({ queue }) => (queue === undefined ? [] : [{ transport: name, queue }]))];
  });
  return distinct(queues === undefined ? found : queues.flatMap((queue) => chosen(queue, found, places, transport)));
}

/** Names of every transport a config sends to, its own first. */
export function transportsOf(own: string, routes: readonly Route[]): readonly string[] {
  return [...new Set([own, ...routes.flatMap(({ transport }) => (transport ? [transportName(transport)] : []))])];
}

/** A route's pattern that matches the letters of a listener's pattern matches all that this one stands for. */
function routed({ own, routes }: Places, { contract, isJob, queue }: Need): Address[] {
  const route = routes.of(contract);
  if (!route || route.consume === false) return [];
  return [target(route, own, isJob ? queue : undefined)];
}

function forced({ own, routes }: Places): Address[] {
  return routes.all.filter(({ consume }) => consume === true).map((route) => target(route, own));
}

function target({ transport, queue }: Route, own: Address, queueOfJob?: string): Address {
  return {
    transport: transport === undefined ? own.transport : transportName(transport),
    queue: queue ?? queueOfJob ?? own.queue,
  };
}

function chosen(text: string, found: readonly Address[], { own, routes }: Places, forcedTransport?: string): Address[] {
  const known = transportsOf(own.transport, routes.all).find((name) => text.startsWith(`${name}:`));
  if (known !== undefined) return [{ transport: known, queue: text.slice(known.length + 1) }];
  const there = found.filter(({ queue }) => queue === text);
  return there.length > 0 ? there : [{ transport: forcedTransport ?? own.transport, queue: text }];
}

function distinct(addresses: readonly Address[]): readonly Address[] {
  return [...new Map(addresses.map((address) => [`${address.transport} ${address.queue}`, address])).values()];
}
