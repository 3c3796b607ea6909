import type { Class } from '../contracts/listener.js';
import { recordOf } from './records.js';

/** `OrderCreated` → `order_created`, `HTTPRequestSeen` → `http_request_seen`. */
function snakeCase(className: string): string {
  return className
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
    .toLowerCase();
}

/** The contract name a class stands for: what its decorator says, else its own name in snake case. */
export function contractNameOf(type: Class): string {
  return recordOf(type)?.name ?? snakeCase(type.name);
}
