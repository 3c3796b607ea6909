import { defineConfig } from 'thrun';

export default defineConfig({
  transport: 'redis-list',
  transports: { redis: { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' } },
});
