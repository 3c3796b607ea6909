import type { Class } from '../contracts/listener.js';

/**
 * A received payload as an instance of its event class, without running the constructor (a payload is data, not
 * arguments). Fields are defined one by one, and none that the class's prototype already answers to: a foreign
 * `__proto__`, `constructor` or method name never takes the place of code.
 */
export function eventInstance(type: Class, payload: unknown): unknown {
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return payload;
  const instance: object = Object.create(type.prototype as object);
  for (const key of Object.keys(payload)) {
    if (key in type.prototype) continue;
    const value: unknown = (payload as Record<string, unknown>)[key];
    Object.defineProperty(instance, key, { value, writable: true, enumerable: true, configurable: true });
  }
  return instance;
}
