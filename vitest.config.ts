import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    // Two cores: more files at once only makes each of them slower.
    maxWorkers: 2,
    // The projects that tests make are imported by Node itself, as they are when thrun runs.
    server: { deps: { external: [/\/thrun-project-/] } },
    deps: { interopDefault: false },
  },
});
