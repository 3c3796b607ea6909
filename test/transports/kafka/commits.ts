import { type EachBatchPayload, Kafka, logLevel } from 'kafkajs';

/** Where a broker keeps what groups have committed, one record for each commit, in the order it took them. */
const LOG = '__consumer_offsets';

export interface Commits {
  readonly count: number;
  /** `workers orders[0]` → the next offset to read. */
  readonly last: ReadonlyMap<string, number>;
  /** Where an offset went back: `workers orders[0]: 120 to 80`. */
  readonly backwards: readonly string[];
}

/** Every commit that was ever made for the topics of `queue`, from the broker's own log: none is missed between two looks. */
export async function commitsOf(brokers: readonly string[], queue: string): Promise<Commits> {
  const last = new Map<string, number>();
  const backwards: string[] = [];
  let count = 0;
  await readAll([...brokers], (key, value) => {
    const commit = commitIn(key, value);
    if (!commit?.topic.startsWith(queue)) return;
    const place = `${commit.group} ${commit.topic}[${commit.partition}]`;
    const before = last.get(place) ?? -1;
    if (commit.offset < before) backwards.push(`${place}: ${before} to ${commit.offset}`);
    last.set(place, commit.offset);
    count++;
  });
  return { count, last, backwards };
}

/** Reads the log from its beginning to where it ends now. */
async function readAll(brokers: string[], each: (key: Buffer, value: Buffer) => void): Promise<void> {
  const kafka = new Kafka({ brokers, logLevel: logLevel.NOTHING });
  const [admin, consumer] = [kafka.admin(), kafka.consumer({ groupId: `commits-${crypto.randomUUID()}` })];
  await Promise.all([admin.connect(), consumer.connect()]);
  try {
    const offsets = await admin.fetchTopicOffsets(LOG);
    const left = new Map(
      offsets.filter(({ high, low }) => high !== low).map((end) => [end.partition, BigInt(end.high)]),
    );
    await consumer.subscribe({ topic: LOG, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      if (left.size === 0) return resolve();
      consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
      const eachBatch = async ({ batch }: EachBatchPayload) => {
        for (const { key, value } of batch.messages) if (key && value) each(key, value);
        if (BigInt(batch.lastOffset()) + 1n >= (left.get(batch.partition) ?? 0n)) left.delete(batch.partition);
        if (left.size === 0) resolve();
      };
      consumer.run({ autoCommit: false, eachBatch }).catch(reject);
    });
  } finally {
    await Promise.all([admin.disconnect(), consumer.disconnect()]);
  }
}

/** Keys of version 0 and 1 are of commits, those of 2 of members. Texts have two bytes of length; values begin with a version. */
function commitIn(key: Buffer, value: Buffer) {
  if (key.readInt16BE(0) > 1) return undefined;
  const [group, afterGroup] = textAt(key, 2);
  const [topic, afterTopic] = textAt(key, afterGroup);
  return { group, topic, partition: key.readInt32BE(afterTopic), offset: Number(value.readBigInt64BE(2)) };
}

function textAt(buffer: Buffer, at: number): [string, number] {
  const end = at + 2 + buffer.readInt16BE(at);
  return [buffer.toString('utf8', at + 2, end), end];
}
