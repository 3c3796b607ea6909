import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Generous: they only matter where a test hangs, and some tests start ten processes on a machine that is busy with others.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 10_000 } },
    // Two cores: more files at once only makes each of them slower.
    maxWorkers: 2,
    // The projects that tests make are imported by Node itself, as they are when thrun runs.
    server: { deps: { external: [/\/thrun-project-/] } },
    deps: { interopDefault: false },
  },
});
