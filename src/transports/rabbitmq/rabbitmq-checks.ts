import type { BrokerChecks, BrokerFinding } from '../../contracts/transport.js';
import { textOf } from './rabbitmq-errors.js';
import type { Known } from './rabbitmq-known.js';
import type { Link } from './rabbitmq-link.js';
import type { Topology } from './rabbitmq-topology.js';

/** The first with time limits on quorum queues and dead-lettering that is confirmed. */
const OLDEST = [3, 10] as const;

interface ChecksParts {
  readonly link: Link;
  readonly publishing: Link;
  readonly topology: Topology;
  readonly known: Known;
}

/** The server's version, whether it takes messages, and whether this user may make what thrun needs. */
export class RabbitmqChecks implements BrokerChecks {
  readonly #parts: ChecksParts;

  constructor(parts: ChecksParts) {
    this.#parts = parts;
  }

  async findings(): Promise<readonly BrokerFinding[]> {
    const { link, publishing } = this.#parts;
    await publishing.open();
    return [versionOf(link.serverVersion), publishingIs(publishing.blocked), await this.#rights()];
  }

  async #rights(): Promise<BrokerFinding> {
    const { topology, known } = this.#parts;
    try {
      for (const queue of known.queues) await topology.inbox(queue);
      return { check: 'rights', status: 'ok', detail: 'exchanges and queues can be declared', fix: null };
    } catch (error) {
      return { check: 'rights', status: 'fail', detail: textOf(error), fix: 'See to what is named.' };
    }
  }
}

function versionOf(version = 'unknown'): BrokerFinding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isRecent = major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
  if (isRecent) return { check: 'rabbitmq', status: 'ok', detail: version, fix: null };
  const detail = `version ${version}: its quorum queues cannot delay, and may lose what they dead-letter`;
  return { check: 'rabbitmq', status: 'fail', detail, fix: `Install RabbitMQ ${OLDEST.join('.')} or later.` };
}

function publishingIs(blocked: string | undefined): BrokerFinding {
  if (blocked === undefined) return { check: 'publishing', status: 'ok', detail: 'not blocked', fix: null };
  const fix = 'Give RabbitMQ more memory or disk, or let workers drain it.';
  return { check: 'publishing', status: 'fail', detail: `RabbitMQ takes no messages: ${blocked}`, fix };
}
