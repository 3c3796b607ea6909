import { appOn } from '../app.mjs';

/** A queue of its own for each transport: contenders may run at the same time. */
export const thrunOn = (transport) =>
  appOn(({ url }) => ({ transport, queue: transport, transports: { redis: { url } } }));
