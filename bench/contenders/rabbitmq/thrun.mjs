import { appOn, consumeOnce } from '../app.mjs';

/** Everything is declared before anything is measured, as it is by raw amqplib and rascal. */
export const thrun = appOn(
  ({ url, queue }) => ({ queue, transport: 'rabbitmq', transports: { rabbitmq: { url } } }),
  consumeOnce,
);
