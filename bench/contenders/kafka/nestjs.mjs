import 'reflect-metadata';
import { ClientKafka, ServerKafka } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { envelope } from '../../payload.mjs';
import { kafkaAt, makeTopic, PARTITIONS } from './topic.mjs';

/** Its transport strategy and its client; an event pattern, which on Kafka is a topic. It handles one message of a partition at a time. */
export const nestjs = {
  async open({ url, queue, role }) {
    await makeTopic(kafkaAt(url), queue);
    const quiet = { logLevel: 0 };
    const client =
      role === 'publisher'
        ? new ClientKafka({ client: { brokers: [url], ...quiet }, producerOnlyMode: true })
        : undefined;
    await client?.connect();
    const publish = (payload) => lastValueFrom(client.emit(queue, envelope(payload)));
    return {
      publish,
      publishMany: (payloads) => Promise.all(payloads.map(publish)),
      work: async (handle) => {
        const server = new ServerKafka({
          client: { brokers: [url], ...quiet },
          consumer: { groupId: `bench-${queue}` },
          subscribe: { fromBeginning: true },
          run: { partitionsConsumedConcurrently: PARTITIONS },
        });
        server.addHandler(queue, (data) => handle(data.payload), true);
        await new Promise((resolve, reject) => server.listen((error) => (error ? reject(error) : resolve())));
        return { stop: () => server.close() };
      },
      close: () => client?.close(),
    };
  },
};
