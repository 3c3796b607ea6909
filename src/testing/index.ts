/** For tests of listeners, of transports and of batch stores: `import … from 'thrun/testing'`. */
export { MemoryStore } from '../transports/memory/memory-store.js';
export { MemoryTransport } from '../transports/memory/memory-transport.js';
export {
  type ConformanceOptions,
  StallableClock,
  type Subject,
  type TestApi,
  transportConformance,
} from './conformance/index.js';
export { type StoreConformanceOptions, storeConformance, type StoreSubject } from './store-conformance/index.js';
export { type TestThrun, type TestThrunOptions, testThrun } from './test-thrun.js';
export { VirtualClock } from './virtual-clock.js';
