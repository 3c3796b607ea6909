/** The public API, name by name. Transport authors import from `thrun/transport`, tests from `thrun/testing`. */
export { createThrun, type Thrun, type ThrunParts, type WorkOptions } from './app.js';
export type { Batches } from './batch/batches.js';
export type { BatchBuilder } from './batch/builder.js';
export type { BatchMember, BatchMembers, JobSpec } from './batch/members.js';
export { defineConfig, type ThrunConfig } from './config/options.js';
export type {
  BatchProgress,
  BatchStatus,
  JobBatch,
  JobState,
  LifecycleKind,
  LifecyclePayload,
  NamedBatch,
  NamedBatchOptions,
} from './contracts/batch.js';
export type { BatchRecord, BatchStore, JobRecord } from './contracts/batch-store.js';
export type { DeadLetter, DeathReason } from './contracts/dead-letter.js';
export type { Envelope, JsonValue, Meta, WireFormat } from './contracts/envelope.js';
export { ThrunError, type ThrunErrorCode } from './contracts/errors.js';
export {
  type Class,
  type Container,
  type EventContext,
  type EventListener,
  type EventOptions,
  GiveUp,
  type Job,
  type JobContext,
  type ListenerCall,
  type ListenerOptions,
  type Logger,
  type Middleware,
  type PayloadOf,
  type PublishOptions,
  RetryLater,
  type RetryOptions,
  type ThrunPayloads,
} from './contracts/listener.js';
export type { Route } from './contracts/route.js';
export type { Duration, Size } from './contracts/units.js';
export type { Address } from './dispatch/addresses.js';
export type { EventInput } from './dispatch/dispatcher.js';
export type { Observation, Observer } from './observability/observation.js';
export { ThrunBatch, ThrunEvent, ThrunEventListener, ThrunJob } from './registry/decorators.js';
export type { ListenerFunction } from './registry/subscriptions.js';
export type { Holding } from './worker/sources.js';
export type { Worker } from './worker/worker.js';
