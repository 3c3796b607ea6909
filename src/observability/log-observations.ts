import type { Logger } from '../contracts/listener.js';
import type { Observation, Observer } from './observation.js';

/** Writes what a person operating a worker wants to read; success is silent unless debugging. */
export function logTo(logger: Logger): Observer {
  return (observation) => {
    switch (observation.kind) {
      case 'retried':
      case 'postponed':
        return logger.warn(observation, `${observation.event} failed in ${observation.listener}, trying again`);
      case 'dead':
        return logger.error(observation, `dead letter: ${observation.reason}`);
      case 'unhandled':
        return logger.debug(observation, 'nobody listens');
      case 'blocked':
        return logger.warn(observation, `${observation.listener} blocked the event loop`);
      case 'transport':
        return logNotice(logger, observation);
      case 'succeeded':
        return logger.debug(observation, 'handled');
      case 'received':
      case 'handed_back':
        return;
    }
  };
}

function logNotice(logger: Logger, { transport, notice }: Extract<Observation, { kind: 'transport' }>): void {
  switch (notice.kind) {
    case 'lease_lost':
      return logger.warn(
        { transport, ...notice },
        'the lease ran out before this was settled; it is handled again elsewhere',
      );
    case 'disconnected':
      return logger.error({ transport, error: notice.error.message }, 'the transport is lost; reconnecting');
    case 'reconnected':
      return logger.info({ transport }, 'the transport is back; consuming again');
    case 'degraded':
      return logger.warn({ transport }, notice.message);
  }
}
