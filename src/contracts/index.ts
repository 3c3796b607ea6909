/** The vocabulary of thrun, and all that a transport or a batch store of your own needs: `import … from 'thrun/transport'`. */
export type {
  Applied,
  BatchFilter,
  BatchRecord,
  BatchStore,
  Change,
  JobHead,
  JobRecord,
  NewJob,
  OutboxEntry,
  Outgoing,
  Overdue,
  OverdueTimes,
  PruneFilter,
  Step,
  View,
} from './batch-store.js';
export type { Clock } from './clock.js';
export { systemClock } from './clock.js';
export type { DeadLetter, DeadLetterAccess, DeadLetterFilter, DeathReason } from './dead-letter.js';
export { SUSPECT_CRASHES } from './delivery.js';
export type { Dead, Delivery, Postponed, Successor } from './delivery.js';
export type { Envelope, JsonValue, Meta } from './envelope.js';
export { ThrunError, type ThrunErrorCode } from './errors.js';
export type { HistoryAccess, HistoryPoint, HistoryRange, HistoryView, PastEvent, ReplayTarget } from './history.js';
export type {
  BrokerChecks,
  BrokerFinding,
  ConsumeOptions,
  Consumer,
  Holder,
  OutgoingMessage,
  QueueAccess,
  QueueStats,
  Transport,
  TransportNotice,
  TransportTraits,
} from './transport.js';
