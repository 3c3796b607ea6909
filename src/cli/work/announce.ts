import type { ResolvedConfig } from '../../config/resolved-config.js';
import { type Address, addressesOf } from '../../dispatch/addresses.js';
import { Routes } from '../../dispatch/routes.js';
import type { ContractEntry } from '../../registry/entries.js';
import type { Output } from '../output.js';
import { plain } from '../plain-text.js';
import { nameOf } from '../project.js';

/** Says what is about to be consumed, and by whom. */
export async function announce(
  config: ResolvedConfig,
  flags: { readonly transport?: string; readonly queue?: readonly string[]; readonly only?: string },
  output: Output,
): Promise<void> {
  const { processes, concurrency } = config.worker;
  const contracts = await currentContracts(config);
  const needs = (contracts ?? []).map(({ contract, kind, queue }) => ({ contract, isJob: kind === 'job', queue }));
  const own = { transport: nameOf(config), queue: config.queue };
  const places = { own, routes: new Routes(config.routes) };
  const addresses = addressesOf(places, needs, { transport: flags.transport, queues: flags.queue });
  const count = `${processes} ${processes === 1 ? 'process' : 'processes'}`;
  const where = [
    ...placesText(addresses, config.group),
    `${count} of concurrency ${concurrency}`,
    `pid ${process.pid}`,
  ];
  output.note(`thrun work: ${where.join(' · ')}`);
  if (contracts) await announceContracts(contracts, flags.only, output);
}

function placesText(addresses: readonly Address[], group: string): readonly string[] {
  const names = [...new Set(addresses.map(({ transport }) => transport))];
  const queuesOn = (name: string) => addresses.filter(({ transport }) => transport === name).map(({ queue }) => queue);
  const ofGroup = `group ${plain(group)}`;
  if (names.length > 1) {
    const each = names.map((name) => `${plain(name)} (${queuesOn(name).map(plain).join(', ')})`);
    return [`transports ${each.join(', ')}`, ofGroup];
  }
  const queues = addresses.map(({ queue }) => plain(queue));
  return [
    `transport ${names.map(plain).join('')}`,
    ofGroup,
    `${queues.length === 1 ? 'queue' : 'queues'} ${queues.join(', ')}`,
  ];
}

async function announceContracts(
  contracts: readonly ContractEntry[],
  only: string | undefined,
  output: Output,
): Promise<void> {
  const { patternMatcher } = await import('../../registry/pattern.js');
  const matches = patternMatcher(only ?? '*');
  const run = contracts.filter(({ contract }) => matches(contract));
  for (const { contract, class: name, file, line } of run) {
    output.note(output.notePaint.dim(`  ${plain(contract)} → ${plain(name)} (${plain(file)}:${line})`));
  }
  if (run.length === 0)
    output.warn(
      only === undefined ? 'There are no listeners.' : `No listener is to an event that matches ${plain(only)}.`,
    );
}

/** What the manifest says, where it is right: no listener is to be loaded into this process, which only supervises. */
async function currentContracts(config: ResolvedConfig): Promise<readonly ContractEntry[] | undefined> {
  const { readManifest, staleness } = await import('../../registry/manifest.js');
  const manifest = await readManifest(config);
  if (!manifest || (await staleness(manifest, config)).length > 0) return undefined;
  return manifest.contracts;
}
