import { SUSPECT_CRASHES } from '../../contracts/delivery.js';
import type { KafkaRecord } from './kafka-client.js';
import { type Counts, countsOf, NO_COUNTS, OWN, wholeIn } from './kafka-headers.js';
import type { Ledger } from './kafka-ledger.js';
import { FREE, type Status } from './kafka-ledger-text.js';

/** One record of a partition, from its receipt to its settlement. */
export class Entry {
  status: Status = FREE;
  /** In the hands of a worker. */
  isGiven = false;
  vain = 0;
  begun = 0;

  constructor(
    readonly ledger: Ledger,
    readonly offset: number,
    /** Undefined: settled before it was ever read here. */
    public record: KafkaRecord | undefined,
    readonly counts: Counts,
    /** Nothing else with it may run at the same time. */
    readonly key: string | undefined,
  ) {}

  get size(): number {
    return (this.record?.value?.length ?? 0) + (this.record?.key?.length ?? 0);
  }

  /** This receipt included. */
  get attempt(): number {
    return this.counts.attempts + this.vain + this.begun + 1;
  }

  /** Up to where it is a suspect every receipt in vain was a crash; from there on only those that had begun. */
  get crashes(): number {
    const { crashes } = this.counts;
    return (crashes >= SUSPECT_CRASHES ? crashes : Math.min(SUSPECT_CRASHES, crashes + this.vain)) + this.begun;
  }
}

/** Of a record as it is read. In topics of our own headers are believed; elsewhere anybody may have written them. */
export function entryOf(ledger: Ledger, record: KafkaRecord, isDone: boolean): Entry {
  const { offset, key, headers } = record;
  if (isDone) return new Entry(ledger, offset, undefined, NO_COUNTS, undefined);
  if (ledger.isOurs) return new Entry(ledger, offset, record, countsOf(headers), undefined);
  const due = wholeIn(headers, OWN.due);
  const counts = due === undefined ? NO_COUNTS : { ...NO_COUNTS, due };
  return new Entry(ledger, offset, record, counts, key === null ? undefined : key.toString('latin1'));
}
