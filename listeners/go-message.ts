import { type EventContext, ThrunEventListener } from 'thrun';

/** A Go program pushes `{"event":"go_message","payload":{"text":"…"}}` and nothing more: thrun fills in the meta. */
@ThrunEventListener('go_message')
export class GoMessageHandler {
  async handle(payload: { text: string }, context: EventContext) {
    context.logger.debug({ text: payload.text, id: context.meta.event_id }, 'a message from Go');
  }
}
