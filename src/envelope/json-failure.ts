import { printable } from './printable.js';

/**
 * Why values cannot be written as JSON, and where. Asked only after `JSON.stringify` has failed, whose own words name
 * neither the place nor the remedy.
 */
export function jsonFailure(values: Readonly<Record<string, unknown>>, failure: unknown): string {
  try {
    for (const [name, value] of Object.entries(values)) {
      const problem = find(value, name, new Set());
      if (problem !== undefined) return problem;
    }
    return failureText(failure);
  } catch (error) {
    // A getter, toJSON or proxy that throws, or a depth that calls cannot follow.
    return failureText(error);
  }
}

function find(value: unknown, path: string, above: Set<object>): string | undefined {
  if (typeof value === 'bigint') return `${path} is a BigInt, which JSON cannot hold; send it as a string`;
  if (typeof value !== 'object' || value === null) return undefined;
  if (above.has(value)) return `${path} refers back to an object it is part of; send an id in its place`;
  above.add(value);
  const problem = findInside(value, path, above);
  above.delete(value);
  return problem;
}

function findInside(value: object, path: string, above: Set<object>): string | undefined {
  if ('toJSON' in value && typeof value.toJSON === 'function') return find(value.toJSON(''), path, above);
  for (const [key, child] of Object.entries(value)) {
    const problem = find(child, pathTo(path, key, Array.isArray(value)), above);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function pathTo(path: string, key: string, inArray: boolean): string {
  if (inArray) return `${path}[${key}]`;
  return /^[A-Za-z_$][\w$]{0,60}$/.test(key) ? `${path}.${key}` : `${path}[${printable(key)}]`;
}

function failureText(failure: unknown): string {
  if (failure instanceof RangeError) return 'it is nested too deep, or too large to be written';
  return failure instanceof Error
    ? `it cannot be written as JSON (${failure.message.split('\n')[0]})`
    : 'it cannot be written as JSON';
}
