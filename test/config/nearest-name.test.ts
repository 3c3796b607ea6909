import { expect, test } from 'vitest';
import { nearestName } from '../../src/config/nearest-name.js';

test.each([
  ['order_craeted', 'order_created'],
  ['order_create', 'order_created'],
  ['OrderCreated', 'order_created'],
  ['ordr_created', 'order_created'],
  ['paymnt', 'payment'],
  ['invoice_paid', undefined],
  ['x', undefined],
  ['', undefined],
])('%s → %s', (name, nearest) => {
  expect(nearestName(name, ['order_created', 'order_cancelled', 'payment'])).toBe(nearest);
});
