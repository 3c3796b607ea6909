import { appOn, hasConsumed } from '../app.mjs';

export const thrun = appOn(
  ({ url, queue }) => ({ queue, transport: 'rabbitmq', transports: { rabbitmq: { url } } }),
  hasConsumed,
);
