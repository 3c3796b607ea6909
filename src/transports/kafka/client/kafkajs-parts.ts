import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { ISocketFactory, KafkaConfig } from 'kafkajs';

/**
 * Parts of kafkajs below its public classes. Its consumer gives a rebalance no chance to finish what runs, commits nothing
 * beside an offset, and stops in silence in known cases; the protocol under it does all that is needed. The version is
 * pinned and has no successor, so what is reached for here does not move.
 */
const require = createRequire(import.meta.url);

interface TopicRequest<Partition> {
  readonly topic: string;
  readonly partitions: readonly Partition[];
}

interface TopicResponse<Partition> {
  readonly topic: string;
  readonly partitions: readonly Partition[];
}

/** Of the formats before Kafka 0.11. */
export interface RawMessage {
  readonly offset: string;
  readonly timestamp?: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface RawMetadata {
  readonly brokers: readonly { readonly nodeId: number }[];
  readonly topicMetadata: readonly {
    readonly topic: string;
    readonly partitionMetadata: readonly {
      readonly partitionId: number;
      readonly leader: number;
      readonly replicas: readonly number[];
      readonly isr: readonly number[];
    }[];
  }[];
}

interface InGroup {
  readonly groupId: string;
  readonly memberId: string;
}

export interface RawBroker {
  metadata(topics: readonly string[]): Promise<RawMetadata>;
  joinGroup(
    request: InGroup & {
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
    },
  ): Promise<{
    readonly generationId: number;
    readonly leaderId: string;
    readonly memberId: string;
    readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
  }>;
  syncGroup(
    request: InGroup & {
      readonly generationId: number;
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
    },
  ): Promise<{ readonly memberAssignment: Buffer }>;
  heartbeat(request: InGroup & { readonly groupGenerationId: number }): Promise<unknown>;
  leaveGroup(request: InGroup): Promise<unknown>;
  offsetCommit(
    request: InGroup & {
      readonly groupGenerationId: number;
      readonly topics: readonly TopicRequest<{
        readonly partition: number;
        readonly offset: string;
        readonly metadata: string;
      }>[];
    },
  ): Promise<unknown>;
  offsetFetch(request: {
    readonly groupId: string;
    readonly topics: readonly TopicRequest<{ readonly partition: number }>[];
  }): Promise<{
    readonly responses: readonly TopicResponse<{
      readonly partition: number;
      readonly offset: string;
      readonly metadata: string | null;
    }>[];
  }>;
  listOffsets(request: {
    readonly isolationLevel: number;
    readonly topics: readonly TopicRequest<{ readonly partition: number; readonly timestamp: number }>[];
  }): Promise<{
    readonly responses: readonly TopicResponse<{ readonly partition: number; readonly offset: string }>[];
  }>;
  deleteRecords(request: {
    readonly topics: readonly TopicRequest<{ readonly partition: number; readonly offset: string }>[];
  }): Promise<unknown>;
  initProducerId(request: { readonly transactionTimeout: number }): Promise<{
    readonly producerId: string;
    readonly producerEpoch: number;
  }>;
  readonly connectionPool: { send(question: unknown): Promise<unknown> };
}

export interface RawCluster {
  readonly brokerPool: { findConnectedBroker(): Promise<RawBroker> };
  readonly targetTopics: Set<string>;
  connect(): Promise<void>;
  getNodeIds(): readonly string[];
  disconnect(): Promise<void>;
  isConnected(): boolean;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  refreshMetadata(): Promise<void>;
  findBroker(of: { readonly nodeId: number }): Promise<RawBroker>;
  findGroupCoordinator(of: { readonly groupId: string }): Promise<RawBroker>;
  findTopicPartitionMetadata(topic: string): RawMetadata['topicMetadata'][number]['partitionMetadata'];
}

export const Cluster = require('kafkajs/src/cluster') as new (
  config: KafkaConfig & {
    readonly logger: unknown;
    readonly socketFactory: ISocketFactory;
    readonly isolationLevel: number;
    readonly metadataMaxAge: number;
    readonly allowAutoTopicCreation: boolean;
  },
) => RawCluster;

export const defaultSocketFactory = require('kafkajs/src/network/socketFactory') as () => ISocketFactory;

export const createLogger = (require('kafkajs/src/loggers') as { readonly createLogger: (options: unknown) => unknown })
  .createLogger;

export const apiKeys = require('kafkajs/src/protocol/requests/apiKeys') as {
  readonly Fetch: number;
  readonly Produce: number;
};

export const { createErrorFromCode: errorOfCode } = require('kafkajs/src/protocol/error') as {
  createErrorFromCode(code: number): Error;
};

export const crc32C = require('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number;

/** Also of codecs that were registered with kafkajs. */
export const { lookupCodecByAttributes } = require('kafkajs/src/protocol/message/compression') as {
  lookupCodecByAttributes(attributes: number): { decompress(packed: Buffer): Promise<Buffer> } | null;
};

export const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object;

export const decodeMessageSet = require('kafkajs/src/protocol/messageSet/decoder') as (
  decoder: object,
  size: number,
) => Promise<readonly RawMessage[]>;

const protocol = require('kafkajs/src/consumer/assignerProtocol') as {
  readonly MemberMetadata: {
    encode(metadata: {
      readonly version: number;
      readonly topics: readonly string[];
      readonly userData: Buffer;
    }): Buffer;
    decode(buffer: Buffer): { readonly userData: Buffer | null };
  };
  readonly MemberAssignment: {
    encode(assignment: { readonly version: number; readonly assignment: Record<string, number[]> }): Buffer;
    decode(buffer: Buffer): { readonly assignment: Record<string, number[]> } | null;
  };
};
export const { MemberMetadata, MemberAssignment } = protocol;

export const { KafkaJSPartialMessageError: PartialMessage, KafkaJSConnectionError: ConnectionError } =
  require('kafkajs/src/errors') as {
    readonly KafkaJSPartialMessageError: new (message: string) => Error;
    readonly KafkaJSConnectionError: new (message: string, about?: { readonly code: string | undefined }) => Error;
  };

export const RequestQueue = require('kafkajs/src/network/requestQueue') as {
  readonly prototype: RequestQueuePrototype;
};

export interface RequestQueuePrototype {
  scheduleRequestTimeoutCheck(): void;
  rejectAll(error: Error): void;
  destroy(): void;
  pending: readonly unknown[];
  throttledUntil: number;
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  checkPendingRequests(): void;
  scheduleCheckPendingRequests(): void;
}

export const Connection = require('kafkajs/src/network/connection') as { readonly prototype: ConnectionPrototype };

export interface ConnectionPrototype {
  readonly host: string;
  readonly port: number;
  readonly ssl: Parameters<ISocketFactory>[0]['ssl'];
  readonly socketFactory: ISocketFactory;
  readonly connectionTimeout: number;
  readonly requestQueue: RequestQueuePrototype;
  connectionStatus: 'connected' | 'disconnecting' | 'disconnected';
  socket: Socket | null;
  authenticatedAt: unknown;
  authHandlers: { onError(): void } | null;
  /** What has come of an answer, how much that is, and how much is needed to read on. */
  chunks: readonly Buffer[];
  bytesBuffered: number;
  bytesNeeded: number;
  isConnected(): boolean;
  connect(): Promise<true>;
  disconnect(): Promise<true>;
  processData(bytes: Buffer): void;
  send(request: unknown): Promise<unknown>;
}
