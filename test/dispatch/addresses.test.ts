import { describe, expect, test } from 'vitest';
import type { Route } from '../../src/contracts/route.js';
import { addressesOf, type Need, type Restriction, transportsOf } from '../../src/dispatch/addresses.js';
import { Routes } from '../../src/dispatch/routes.js';

const OWN = { transport: 'sqlite', queue: 'events' };

/** As `transport:queue`. */
function addresses(routes: readonly Route[], needs: readonly Partial<Need>[], restriction?: Restriction) {
  const all = needs.map((need) => ({ contract: 'x', isJob: false, queue: undefined, ...need }));
  return addressesOf({ own: OWN, routes: new Routes(routes) }, all, restriction).map(
    ({ transport, queue }) => `${transport}:${queue}`,
  );
}

const PAYMENTS: Route = { match: 'payment.*', transport: 'rabbitmq', queue: 'payments' };

describe('what a worker consumes', () => {
  test('without routes: the config’s queue and those its listeners run from', () => {
    expect(addresses([], [{ contract: 'a' }, { contract: 'b', queue: 'mail' }])).toEqual([
      'sqlite:events',
      'sqlite:mail',
    ]);
  });

  test('the address of a route that a listener or job names a contract of', () => {
    expect(addresses([PAYMENTS], [{ contract: 'payment.done' }])).toEqual(['sqlite:events', 'rabbitmq:payments']);
    expect(addresses([PAYMENTS], [{ contract: 'order' }])).toEqual(['sqlite:events']);
  });

  test('the address of a route that a listener’s whole pattern takes', () => {
    for (const contract of ['payment.*', 'payment.card.*', 'payment.*.done'])
      expect(addresses([PAYMENTS], [{ contract }])).toEqual(['sqlite:events', 'rabbitmq:payments']);
    expect(addresses([{ match: '*', transport: 'kafka' }], [{ contract: '*' }])).toEqual([
      'sqlite:events',
      'kafka:events',
    ]);
  });

  test('a listener to more than the route is no reason to eat the queue of another program', () => {
    for (const contract of ['*', '*.done', 'pay*'])
      expect(addresses([PAYMENTS], [{ contract }])).toEqual(['sqlite:events']);
  });

  test('consume: true is always consumed, consume: false never', () => {
    expect(addresses([{ ...PAYMENTS, consume: true }], [])).toEqual(['sqlite:events', 'rabbitmq:payments']);
    expect(addresses([{ ...PAYMENTS, consume: false }], [{ contract: 'payment.done' }])).toEqual(['sqlite:events']);
  });

  test('a route without a queue leads to the queue of the job, else of the config', () => {
    const routes: Route[] = [{ match: '*', transport: 'redis-list' }];
    expect(addresses(routes, [{ contract: 'mail', isJob: true, queue: 'mail' }])).toEqual([
      'sqlite:events',
      'sqlite:mail',
      'redis-list:mail',
    ]);
    expect(addresses(routes, [{ contract: 'a' }])).toEqual(['sqlite:events', 'redis-list:events']);
  });

  test('the queue of a listener is consumed on every transport it can be handed over on', () => {
    expect(addresses([PAYMENTS], [{ contract: 'payment.done', queue: 'mail' }])).toEqual([
      'sqlite:events',
      'sqlite:mail',
      'rabbitmq:payments',
      'rabbitmq:mail',
    ]);
  });
});

describe('what a command line leaves of it', () => {
  const needs = [{ contract: 'payment.done', queue: 'mail' }];

  test('one transport', () => {
    expect(addresses([PAYMENTS], needs, { transport: 'rabbitmq' })).toEqual(['rabbitmq:payments', 'rabbitmq:mail']);
    expect(addresses([PAYMENTS], needs, { transport: 'redis-list' })).toEqual(['redis-list:events', 'redis-list:mail']);
  });

  test('queues, on every transport that has them, or on the one that is named', () => {
    expect(addresses([PAYMENTS], needs, { queues: ['mail'] })).toEqual(['sqlite:mail', 'rabbitmq:mail']);
    expect(addresses([PAYMENTS], needs, { queues: ['rabbitmq:mail', 'payments'] })).toEqual([
      'rabbitmq:mail',
      'rabbitmq:payments',
    ]);
    expect(addresses([PAYMENTS], needs, { queues: ['mail'], transport: 'rabbitmq' })).toEqual(['rabbitmq:mail']);
  });

  test('a queue that nobody here needs is one of the config’s transport; a colon alone names none', () => {
    expect(addresses([PAYMENTS], needs, { queues: ['other', 'shop:eu'] })).toEqual(['sqlite:other', 'sqlite:shop:eu']);
  });
});

test('every transport that a config sends to, once, its own first', () => {
  expect(transportsOf('sqlite', [PAYMENTS, { match: 'a' }, PAYMENTS, { match: 'b', transport: 'sqlite' }])).toEqual([
    'sqlite',
    'rabbitmq',
  ]);
});
