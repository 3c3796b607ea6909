import pino from 'pino';
import type { Logger } from '../contracts/listener.js';

/**
 * thrun's own logger: JSON lines on stderr, so that stdout stays for results. A line is written before `log` returns;
 * a worker that is killed has said what it said.
 */
export function createLogger(level: 'debug' | 'info' | 'warn' | 'error' | 'silent'): Logger {
  return pino({ level, base: { pid: process.pid } }, pino.destination({ fd: 2, sync: true }));
}
