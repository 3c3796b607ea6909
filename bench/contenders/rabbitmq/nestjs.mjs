import 'reflect-metadata';
import { ClientRMQ, ServerRMQ } from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { EVENT, envelope } from '../../payload.mjs';

/** Its transport strategy and its client, with manual acknowledgement; an event pattern as its documentation has it. */
export const nestjs = {
  async open({ url, queue, concurrency }) {
    const options = {
      urls: [url],
      queue,
      noAck: false,
      persistent: true,
      prefetchCount: Math.max(400, concurrency),
      queueOptions: { durable: true, arguments: { 'x-queue-type': 'quorum' } },
    };
    let client;
    const connected = async () => {
      client ??= new ClientRMQ({ ...options, noAck: true });
      await client.connect();
      return client;
    };
    const publish = async (payload) => lastValueFrom((await connected()).emit(EVENT, envelope(payload)));
    await connected();
    return {
      publish,
      publishMany: (payloads) => Promise.all(payloads.map(publish)),
      work: async (handle) => {
        const server = new ServerRMQ(options);
        let [running, waiting] = [0, []];
        const run = (data, context) => {
          if (running >= concurrency) return void waiting.push([data, context]);
          running++;
          handle(data.payload).then(() => {
            running--;
            context.getChannelRef().ack(context.getMessage());
            const next = waiting.shift();
            if (next) run(...next);
          });
        };
        server.addHandler(EVENT, async (data, context) => run(data, context), true);
        await new Promise((resolve, reject) => server.listen((error) => (error ? reject(error) : resolve())));
        return {
          async stop() {
            while (running + waiting.length > 0) await new Promise(setImmediate);
            await server.close();
          },
        };
      },
      close: () => client?.close(),
    };
  },
};
