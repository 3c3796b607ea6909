import { expect, test } from 'vitest';
import { TRANSPORTS, WITH_HISTORY } from '../../src/config/options.js';
import { resolveConfig } from '../../src/config/resolve.js';
import { loadTransport } from '../../src/transports/index.js';

test.each(TRANSPORTS)('%s has a history if and only if `thrun replay` says that it has', async (name) => {
  const { history } = await loadTransport(name, resolveConfig({}, { env: {} }).transports);
  expect(history !== undefined).toBe(WITH_HISTORY.includes(name));
});
