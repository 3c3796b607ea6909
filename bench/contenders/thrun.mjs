import { join } from 'node:path';
import { appOn } from './app.mjs';

export const thrun = appOn(({ folder, durability }) => ({
  transport: 'sqlite',
  transports: { sqlite: { path: join(folder, 'thrun.db'), durability } },
}));
