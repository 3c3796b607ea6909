import { isatty } from 'node:tty';
import pino from 'pino';
import type { Logger } from '../contracts/listener.js';
import { readableLine } from './readable-line.js';

/**
 * thrun's own logger: on stderr, so that stdout stays for results; JSON lines, or on a terminal lines for people. A line is
 * written before `log` returns; a worker that is killed has said what it said.
 */
export function createLogger(level: 'debug' | 'info' | 'warn' | 'error' | 'silent'): Logger {
  const options = { level, base: { pid: process.pid } };
  if (isatty(2)) return pino(options, { write: (json: string) => process.stderr.write(readableLine(json)) });
  return pino(options, pino.destination({ fd: 2, sync: true }));
}
