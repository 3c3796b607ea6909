import { ThrunError } from '../../contracts/errors.js';

/** What the server said when it closed a channel, and the AMQP code it gave. */
export interface ServerError extends Error {
  readonly code?: number;
}

export function unavailable(why: string, cause?: unknown): ThrunError {
  return new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', ['rabbitmq', why], { cause });
}

export function refused(why: string, cause?: unknown): ThrunError {
  return new ThrunError('THRUN_TRANSPORT_REFUSED', ['rabbitmq', why], { cause });
}

export function closed(): ThrunError {
  return new ThrunError('THRUN_TRANSPORT_CLOSED', ['rabbitmq']);
}

/** Of a connection attempt to a name with several addresses only the single attempts say anything. */
export function textOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map(textOf))].join(', ');
  }
  const text = error instanceof Error ? error.message || String((error as { code?: unknown }).code) : String(error);
  return explained(text);
}

/** amqplib quotes the frame; a person needs the sentence in it and what to do. */
function explained(text: string): string {
  const said = /with message "(.*)"/s.exec(text)?.[1]?.replaceAll('\\"', '"') ?? text;
  const hint = HINTS.find(([sign]) => sign.test(said))?.[1];
  return hint === undefined ? said : `${said.replace(/\.+$/, '')}. ${hint}`;
}

/** What a listener did when the broker takes back what it holds. */
export const TOO_LONG =
  'longer than the broker lets a delivery stay unacknowledged (30 minutes by default). ' +
  'Raise consumer_timeout in rabbitmq.conf, or split the work';

const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /inequivalent arg/,
    'It was declared before with other arguments, by another program or by hand. ' +
      'Delete it when it holds nothing you need (rabbitmqctl delete_queue), or give thrun another queue or group name',
  ],
  [/delivery acknowledgement .* timed out|consumer_timeout/i, `A listener ran ${TOO_LONG}`],
  [/ACCESS_REFUSED - Login|Handshake terminated.*403/s, 'Mend user and password in the URL'],
  [/ACCESS_REFUSED/, 'Give the user configure, write and read rights on the vhost (rabbitmqctl set_permissions)'],
  [
    /Expected ConnectionOpenOk|vhost .* not found/,
    'The vhost in the URL does not exist, or the user has no rights in it (rabbitmqctl add_vhost, set_permissions)',
  ],
  [/larger than configured max size/, 'Send a reference to the data in place of the data'],
];
