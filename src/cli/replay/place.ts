import { nearestName } from '../../config/nearest-name.js';
import { ThrunError } from '../../contracts/errors.js';
import type { HistoryRange, HistoryView } from '../../contracts/history.js';
import type { Transport } from '../../contracts/transport.js';
import { plain } from '../plain-text.js';
import { historyOf } from '../project.js';

/** The transport that has the queue, and what it keeps of it. */
export interface Place {
  readonly transport: Transport;
  readonly view: HistoryView;
}

/** @throws {ThrunError} THRUN_INPUT when several have it; THRUN_FAILED when none has, or not the group */
export async function placeOf(transports: readonly Transport[], range: HistoryRange): Promise<Place> {
  const places = await Promise.all(
    transports.map(async (transport) => ({ transport, view: await historyOf(transport).look(range) })),
  );
  const [place, ...more] = places.filter(({ view }) => view.groups.length > 0);
  const where = (some: readonly Transport[]) => some.map(({ name }) => plain(name)).join(' and ');
  const queue = plain(range.queue);
  if (!place) {
    const how = 'A queue is there once a worker of some group has run';
    throw new ThrunError('THRUN_FAILED', [`Nobody consumes a queue ${queue} on ${where(transports)}. ${how}.`]);
  }
  if (more.length > 0) {
    const all = where([place, ...more].map(({ transport }) => transport));
    throw new ThrunError('THRUN_INPUT', [`There is a queue ${queue} on ${all}. Say which with --transport.`]);
  }
  if (!place.view.groups.includes(range.group)) throw unknownGroup(range, place);
  return place;
}

function unknownGroup({ queue, group }: HistoryRange, { transport, view }: Place): ThrunError {
  const nearest = nearestName(group, view.groups);
  const hint = nearest === undefined ? `It has ${view.groups.join(', ')}.` : `Did you mean ${nearest}?`;
  const where = `the queue ${queue} of ${transport.name}`;
  const text = `There is no group ${group} on ${where}. ${hint} A new one is there once a worker of it has run.`;
  return new ThrunError('THRUN_FAILED', [plain(text)]);
}
