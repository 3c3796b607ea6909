import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ResolvedConfig } from '../../config/resolved-config.js';
import type { QueueStats, Transport } from '../../contracts/transport.js';
import { formatDuration } from '../../contracts/units.js';
import { withKnownQueues, withThrun } from '../project.js';
import { fail, type Finding, messageOf, ok, warn } from './check.js';

/** Older than this, what is ready waits for a worker that does not come. */
const OLD_MS = 5 * 60_000;

/** The folder of the database, before the database itself: "cannot open" would not say whose right is missing. */
export async function checkRights(config: ResolvedConfig, names: readonly string[]): Promise<Finding | undefined> {
  if (!names.includes('sqlite')) return undefined;
  const { path } = config.transports.sqlite;
  const lacking = await firstUnwritable([path, dirname(path), config.root]);
  if (lacking === undefined) return ok('rights', `${dirname(path)} can be written to`);
  return fail(
    'rights',
    `${lacking} cannot be written to by this user`,
    'Give the user that runs thrun the right to write there, or set transports.sqlite.path.',
  );
}

/** Of several places only the first that exists counts: the others are made in it. */
async function firstUnwritable(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if (!(await may(path, constants.F_OK))) continue;
    return (await may(path, constants.W_OK)) ? undefined : path;
  }
  return undefined;
}

function may(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

/** Each of the transports; of several, what is found names the one it is about. */
export async function checkTransports(config: ResolvedConfig, names: readonly string[]): Promise<readonly Finding[]> {
  const found = await Promise.all(
    names.map(async (name) => (await checkTransport(config, name)).map((finding) => ({ name, finding }))),
  );
  return found.flat().map(({ name, finding }) => {
    const isNamed = names.length === 1 || finding.check === 'transport';
    return isNamed ? finding : { ...finding, detail: `${name}: ${finding.detail}` };
  });
}

/** Opens the transport and looks at its queues. */
async function checkTransport(config: ResolvedConfig, name: string): Promise<readonly Finding[]> {
  try {
    return await withThrun(await withKnownQueues(config), async (thrun) => {
      const transport = await thrun.transport(name);
      const stats = (await transport.queues?.stats()) ?? [];
      return [
        ok('transport', `${name} is reachable${version(transport)}`),
        ...((await transport.checks?.findings()) ?? []),
        checkBacklog(stats),
        checkDead(stats),
      ];
    });
  } catch (error) {
    return [fail('transport', messageOf(error), `See that ${name} runs and that its options in the config are right.`)];
  }
}

function version(transport: Transport): string {
  const { version: own } = transport as { readonly version?: unknown };
  return typeof own === 'string' ? `, ${own}` : '';
}

export function checkBacklog(stats: readonly QueueStats[]): Finding {
  const old = stats.filter(({ group, oldestAgeMs = 0 }) => group !== '' && oldestAgeMs > OLD_MS);
  if (old.length === 0) return ok('backlog', 'nothing waits for long');
  const detail = old.map(
    ({ queue, group, depth, oldestAgeMs = 0 }) =>
      `${queue}, group ${group}: ${depth} wait, the oldest for ${formatDuration(oldestAgeMs)}`,
  );
  return warn(
    'backlog',
    detail.join('; '),
    'Start "thrun work" for that group, with more processes if it runs; "thrun queues" shows all.',
  );
}

function checkDead(stats: readonly QueueStats[]): Finding {
  const dead = stats.reduce((sum, row) => sum + row.dead, 0);
  if (dead === 0) return ok('dead letters', 'none');
  return warn('dead letters', `${dead}`, '"thrun failed list" shows them; retry or forget them.');
}
