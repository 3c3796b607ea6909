import { type EventContext, ThrunEvent, ThrunEventListener } from 'thrun';

@ThrunEvent('user_created')
export class UserCreated {
  constructor(
    readonly userId: number,
    readonly email: string,
  ) {}
}

/** Runs from a queue of its own, so that slow mail never holds up anything else. */
@ThrunEventListener(UserCreated, {
  queue: 'mail',
  retry: { attempts: 5, backoff: 'exponential', delay: '200ms' },
  timeout: '30s',
  concurrency: 4,
})
export class Welcome {
  async handle(event: UserCreated, context: EventContext) {
    // A mail server that is busy the first time: the retry that succeeds.
    if (event.email.startsWith('busy') && context.attempt === 1) throw new Error('421 the mail server is busy');
  }
}
