import kafkajs, { type KafkaConfig } from 'kafkajs';
import { codeOf } from '../kafka-client.js';
import type { KafkaOptions } from '../kafka-options.js';
import { mendCodecs } from './kafkajs-codecs.js';
import { failureOf } from './kafkajs-failure.js';
import { READ_COMMITTED } from './kafkajs-fetch.js';
import { mendHalfOpen } from './kafkajs-half-open.js';
import { mendLink } from './kafkajs-link.js';
import { Cluster, createLogger, type RawCluster } from './kafkajs-parts.js';
import { Sockets } from './kafkajs-sockets.js';
import { mendSpin } from './kafkajs-spin.js';

/** No answer for so long: the connection is given up. */
export const REQUEST_MS = 10_000;
const CONNECTION_MS = 3000;

/** kafkajs tries again by itself, but not for long: who waits here knows better what for. */
const RETRY = { retries: 2, initialRetryTime: 50, maxRetryTime: 500 };

const FIRST_PAUSE_MS = 10;
const MOST_ATTEMPTS = 8;
const MOVING = new Set([
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
]);

const silent = () => () => undefined;

/** kafkajs as it is set up here, mended; and questions to it, whose failures are all of one shape. */
export class Connections {
  readonly config: KafkaConfig;
  readonly sockets = new Sockets();

  constructor({ brokers, clientId, ssl, sasl }: KafkaOptions) {
    mendCodecs();
    mendSpin();
    mendHalfOpen();
    mendLink();
    this.config = {
      brokers: [...brokers],
      clientId,
      requestTimeout: REQUEST_MS,
      connectionTimeout: CONNECTION_MS,
      enforceRequestTimeout: true,
      retry: RETRY,
      socketFactory: this.sockets.factory,
      // What went wrong is told by errors and notices; its log would say everything a second time.
      logLevel: kafkajs.logLevel.NOTHING,
      logCreator: silent,
      ...(ssl !== undefined && { ssl }),
      // A copy: kafkajs writes into it.
      ...(sasl !== undefined && { sasl: { ...sasl } as NonNullable<KafkaConfig['sasl']> }),
    };
  }

  /** Connections of its own: what is asked there waits for no other answer. */
  cluster(): RawCluster {
    return new Cluster({
      ...this.config,
      logger: createLogger({ level: kafkajs.logLevel.NOTHING, logCreator: silent }),
      socketFactory: this.sockets.factory,
      isolationLevel: READ_COMMITTED,
      metadataMaxAge: 60_000,
      allowAutoTopicCreation: false,
    });
  }

  async try<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    try {
      this.sockets.refuse();
      return await work();
    } catch (error) {
      throw failureOf(error);
    }
  }

  /** Leaders and coordinators move, and what was just made has none for a moment: the question is asked again. */
  async again<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.try(work);
      } catch (error) {
        if (attempt === MOST_ATTEMPTS || !MOVING.has(codeOf(error) ?? '')) throw error;
        await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** attempt));
      }
    }
  }
}
