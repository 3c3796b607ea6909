/** What `thrun init` writes. Each of them works as it stands; a test runs them. */
export const CONFIG = `import { defineConfig } from 'thrun';

// Everything has a default; docs/config.md of the package lists what can be set.
export default defineConfig({
  transport: 'sqlite',
  worker: { concurrency: 10 },
});
`;

export const LISTENER = `import { type EventContext, ThrunEventListener } from 'thrun';

/** Try it: thrun publish order_created '{"order_id":123}' */
@ThrunEventListener('order_created')
export class OrderCreated {
  async handle(payload: { order_id: number }, context: EventContext) {
    context.logger.info({ order_id: payload.order_id }, 'an order was created');
  }
}
`;

export const JOB = `import { type JobContext, ThrunJob } from 'thrun';

/** Try it: thrun publish create_payment '{"order_id":123}' */
@ThrunJob('create_payment', { retry: { attempts: 5, backoff: 'exponential', delay: '1s' }, timeout: '30s' })
export class CreatePayment {
  constructor(readonly payload: { order_id: number }) {}

  async handle(context: JobContext) {
    context.logger.info({ order_id: this.payload.order_id }, 'a payment is created');
    return { payment_id: \`payment-\${this.payload.order_id}\` };
  }
}
`;

export const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2023",
    "module": "nodenext",
    "strict": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["thrun.config.ts", "listeners"]
}
`;

export const GITIGNORE = `node_modules/
.thrun/
`;

/** In package.json; none of them takes the place of one that is there. */
export const SCRIPTS: Readonly<Record<string, string>> = { work: 'thrun work', discover: 'thrun discover' };
