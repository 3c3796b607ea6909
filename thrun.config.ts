import { defineConfig } from 'thrun';

// This repository's own config: the one to copy. Everything here is a default but the group.
export default defineConfig({
  group: 'thrun-demo',
  transport: 'sqlite',
  listeners: ['listeners/**/*.ts'],
  worker: { concurrency: 10 },
});
