import { formatDuration } from '../../contracts/units.js';
import type { BrokerChecks, BrokerFinding } from '../../contracts/transport.js';
import type { ClusterInfo, KafkaClient, PartitionInfo } from './kafka-client.js';
import { textOf } from './kafka-errors.js';
import { topicName } from './kafka-names.js';
import type { Topics } from './kafka-topics.js';

interface ChecksParts {
  readonly client: KafkaClient;
  readonly topics: Topics;
  readonly queues: ReadonlySet<string>;
}

/** Whoever is away for less than this may not lose what was published meanwhile. */
const SHORT_MS = 86_400_000;

type Config = Readonly<Record<string, string>>;

/** Whether this user may make what thrun needs, and whether the topics keep what they are given. */
export class KafkaChecks implements BrokerChecks {
  readonly #parts: ChecksParts;

  constructor(parts: ChecksParts) {
    this.#parts = parts;
  }

  async findings(): Promise<readonly BrokerFinding[]> {
    const { client, queues } = this.#parts;
    const rights = await this.#rights();
    if (rights.status !== 'ok') return [rights];
    const names = [...queues].map(topicName);
    const [info, configs] = await Promise.all([client.cluster(names), client.configs(names)]);
    return [brokersOf(info), rights, ...names.flatMap((topic) => topicFindings(topic, info, configs.get(topic) ?? {}))];
  }

  async #rights(): Promise<BrokerFinding> {
    const { topics, queues } = this.#parts;
    try {
      for (const queue of queues) await topics.queue(queue);
      return { check: 'rights', status: 'ok', detail: 'topics are there, or can be made', fix: null };
    } catch (error) {
      return { check: 'rights', status: 'fail', detail: textOf(error), fix: 'See to what is named.' };
    }
  }
}

function brokersOf({ brokers }: ClusterInfo): BrokerFinding {
  if (brokers >= 3) return { check: 'brokers', status: 'ok', detail: String(brokers), fix: null };
  const detail = `${brokers}: with fewer than three, one that is lost takes messages with it or stops publishing`;
  return { check: 'brokers', status: 'warn', detail, fix: 'For more than trying things out, run three.' };
}

function topicFindings(topic: string, { topics, brokers }: ClusterInfo, config: Config): readonly BrokerFinding[] {
  const partitions = topics.get(topic) ?? [];
  return [
    replicasOf(topic, partitions, brokers),
    inSyncOf(topic, partitions, Number(config['min.insync.replicas'] ?? 1)),
    uncleanOf(topic, config),
    retentionOf(topic, Number(config['retention.ms'] ?? -1)),
  ].filter((finding) => finding !== undefined);
}

function replicasOf(topic: string, partitions: readonly PartitionInfo[], brokers: number): BrokerFinding {
  const replicas = Math.min(...partitions.map((partition) => partition.replicas));
  const check = 'replicas';
  if (replicas >= Math.min(3, brokers)) return { check, status: 'ok', detail: `${topic}: ${replicas}`, fix: null };
  const fix = 'Raise its replication factor to 3 (kafka-reassign-partitions.sh).';
  return {
    check,
    status: 'warn',
    detail: `${topic}: ${replicas} on ${brokers} brokers; a lost disk takes messages with it`,
    fix,
  };
}

function inSyncOf(topic: string, partitions: readonly PartitionInfo[], least: number): BrokerFinding {
  const check = 'in sync';
  const replicas = Math.min(...partitions.map((partition) => partition.replicas));
  const inSync = Math.min(...partitions.map((partition) => partition.inSync));
  if (inSync < least) {
    const detail = `${topic}: ${inSync} in sync, and ${least} are asked for; nothing can be published`;
    return { check, status: 'fail', detail, fix: 'Bring the missing brokers back.' };
  }
  if (replicas >= 3 && least < 2) {
    const detail = `${topic}: ${least}; a confirmed message may lie on one broker alone`;
    return { check, status: 'warn', detail, fix: `Set min.insync.replicas=2 on ${topic} (kafka-configs.sh).` };
  }
  return { check, status: 'ok', detail: `${topic}: ${least} (min.insync.replicas)`, fix: null };
}

function uncleanOf(topic: string, config: Config): BrokerFinding | undefined {
  if (config['unclean.leader.election.enable'] !== 'true') return undefined;
  const detail = `${topic}: a replica that lacks messages may become the leader, and they are gone`;
  const fix = `Set unclean.leader.election.enable=false on ${topic} (kafka-configs.sh).`;
  return { check: 'leaders', status: 'warn', detail, fix };
}

function retentionOf(topic: string, ms: number): BrokerFinding {
  const check = 'retention';
  if (ms < 0) return { check, status: 'ok', detail: `${topic}: for ever`, fix: null };
  if (ms >= SHORT_MS) return { check, status: 'ok', detail: `${topic}: ${formatDuration(ms)}`, fix: null };
  const detail = `${topic}: ${formatDuration(ms)}; a group that is away for longer loses what it has not received`;
  return { check, status: 'warn', detail, fix: `Raise retention.ms of ${topic} (kafka-configs.sh).` };
}
