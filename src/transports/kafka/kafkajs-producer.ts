import kafkajs, { type CompressionTypes, type Kafka, type Message, type Producer } from 'kafkajs';
import type { OutgoingRecord } from './kafka-client.js';
import type { KafkaOptions } from './kafka-options.js';
import { REQUEST_MS, RETRY } from './kafkajs-connections.js';

/** Writes records, with a producer of kafkajs that is made when the first of them is there. */
export class KafkajsProducer {
  readonly #kafka: Kafka;
  readonly #compression: CompressionTypes;
  #producer: Promise<Producer> | undefined;

  constructor(kafka: Kafka, compression: KafkaOptions['compression']) {
    this.#kafka = kafka;
    this.#compression = kafkajs.CompressionTypes[compression === 'gzip' ? 'GZIP' : 'None'];
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    const topics = new Map<string, Message[]>();
    for (const { topic, partition, key, value, headers } of records) {
      let messages = topics.get(topic);
      if (!messages) topics.set(topic, (messages = []));
      messages.push({
        partition,
        key: key as Buffer | null,
        value: value as Buffer | null,
        headers: headers as Record<string, Buffer>,
      });
    }
    const producer = await this.#started();
    const topicMessages = [...topics].map(([topic, messages]) => ({ topic, messages }));
    await producer.sendBatch({ topicMessages, acks: -1, timeout: REQUEST_MS, compression: this.#compression });
  }

  /** What was not confirmed is forgotten with the producer that knows its number. */
  renew(): void {
    const producer = this.#producer;
    this.#producer = undefined;
    void producer?.then((one) => one.disconnect()).catch(() => undefined);
  }

  async close(): Promise<void> {
    await (await this.#producer)?.disconnect();
  }

  async #started(): Promise<Producer> {
    this.#producer ??= this.#start();
    const starting = this.#producer;
    return starting.catch((error: unknown) => {
      if (this.#producer === starting) this.#producer = undefined;
      throw error;
    });
  }

  /** Idempotent, so that what is sent again after a lost answer is there once. */
  async #start(): Promise<Producer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: RETRY,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    });
    await producer.connect();
    return producer;
  }
}
