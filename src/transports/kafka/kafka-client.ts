/**
 * What the transport asks of a client library, in the words of Kafka's own protocol. `kafkajs-client.ts` is the one there is;
 * another library takes its place by implementing this.
 */
export interface KafkaClient {
  /** Connects to one of the brokers, or rejects. */
  open(): Promise<void>;
  close(): Promise<void>;
  /** The cluster as it is; of the topics those named, or all. What is not there is left out. */
  cluster(topics?: readonly string[]): Promise<ClusterInfo>;
  /** Those that are there already are left as they are. */
  createTopics(topics: readonly TopicSpec[]): Promise<void>;
  configs(topics: readonly string[]): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>>;
  /** The first offset, the one after the last, or that of the first record at or after a time. */
  offsets(places: readonly Place[], at: 'earliest' | 'latest' | number): Promise<readonly number[]>;
  /**
   * Writes them so that all in-sync replicas have them, in order within each partition, none twice. Called again with the
   * same records after a failure that may pass, it does not write twice what was written.
   */
  send(records: readonly OutgoingRecord[]): Promise<void>;
  /** Forgets what was last sent and not confirmed: whatever comes next is new. */
  renew(): Promise<void>;
  /** Whatever is there from the offset on, without waiting; not more than one answer holds. */
  read(place: Place, offset: number): Promise<Fetched>;
  /** Deletes everything before the offset. */
  deleteBefore(place: Place, offset: number): Promise<void>;
  /** Ids of all consumer groups. */
  groups(): Promise<readonly string[]>;
  committed(group: string, topics: readonly string[]): Promise<Committed>;
  /** On behalf of a group that nobody is in. */
  commit(group: string, offsets: readonly CommittedOffset[]): Promise<void>;
  /** A connection of its own for one member of a group: joining blocks it, and so does waiting for news. */
  member(group: string): MemberLink;
}

/** One member of a consumer group: Kafka's classic group protocol, and fetching. */
export interface MemberLink {
  join(request: JoinRequest): Promise<Joined>;
  /** @param assignment the leader's: by member id */
  sync(membership: Membership, assignment?: ReadonlyMap<string, readonly Place[]>): Promise<readonly Place[]>;
  heartbeat(membership: Membership): Promise<void>;
  commit(membership: Membership, offsets: readonly CommittedOffset[]): Promise<void>;
  committed(topics: readonly string[]): Promise<Committed>;
  leave(membership: Membership): Promise<void>;
  /** How many partitions each topic has. */
  partitions(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** The node that leads each partition, by {@link placeKey}. Asked again after a failure. */
  leaders(topics: readonly string[]): Promise<ReadonlyMap<string, number>>;
  fetch(node: number, request: FetchRequest): Promise<readonly Fetched[]>;
  close(): Promise<void>;
}

export interface Place {
  readonly topic: string;
  readonly partition: number;
}

export function placeKey({ topic, partition }: Place): string {
  return `${topic}/${partition}`;
}

export interface ClusterInfo {
  readonly brokers: number;
  readonly topics: ReadonlyMap<string, readonly PartitionInfo[]>;
}

export interface PartitionInfo {
  readonly partition: number;
  readonly replicas: number;
  readonly inSync: number;
}

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  readonly replicas: number;
  readonly config: Readonly<Record<string, string>>;
}

export type RecordHeaders = Readonly<Record<string, string | Uint8Array>>;

export interface OutgoingRecord extends Place {
  readonly key: string | Uint8Array | null;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: RecordHeaders;
}

export interface KafkaRecord {
  readonly offset: number;
  /** Ms since the epoch; -1: unknown. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>>;
}

export interface CommittedOffset extends Place {
  readonly offset: number;
  readonly metadata: string;
}

/** By {@link placeKey}; what was never committed is not in it. */
export type Committed = ReadonlyMap<string, CommittedOffset>;

export interface Membership {
  readonly memberId: string;
  readonly generation: number;
}

export interface JoinRequest {
  /** Empty: a new member. */
  readonly memberId: string;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  readonly topics: readonly string[];
  /** What the leader is to know of this member. */
  readonly userData: string;
}

export interface Joined extends Membership {
  /** Of all members, for the leader alone. */
  readonly members: readonly { readonly memberId: string; readonly userData: string }[] | undefined;
}

export interface FetchRequest {
  readonly waitMs: number;
  readonly places: readonly (Place & { readonly offset: number })[];
}

export interface Fetched extends Place {
  readonly records: readonly KafkaRecord[];
  /** Where the next fetch goes on. */
  readonly next: number;
}

/** What went wrong, in Kafka's own word for it (`UNKNOWN_MEMBER_ID`), or `CONNECTION` where nobody answers. */
export class KafkaFailure extends Error {
  override readonly name = 'KafkaFailure';

  constructor(
    readonly code: string,
    message: string,
    /** The same may work later. */
    readonly mayPass: boolean,
    readonly place: Place | undefined,
    options: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** This client was closed: there is nobody to ask any more. */
export const CLOSED = 'CLOSED';

/** Somebody deleted a topic. */
export const GONE = 'UNKNOWN_TOPIC_OR_PARTITION';

/** Records that the client library cannot read. */
export const UNREADABLE = 'UNSUPPORTED_COMPRESSION_TYPE';

export function codeOf(error: unknown): string | undefined {
  return error instanceof KafkaFailure ? error.code : undefined;
}
