import { appOn } from '../app.mjs';

export const thrunOn = (transport) => appOn(({ url }) => ({ transport, transports: { redis: { url } } }));
