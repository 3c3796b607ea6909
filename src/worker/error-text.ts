import { inspect } from 'node:util';
import { maskSecrets } from '../contracts/secrets.js';

const LONGEST = 4000;

/**
 * What was thrown, as text to keep and show. Anything can be thrown: nothing, a string, an object that holds itself or
 * whose properties throw in turn. Never throws, never longer than 4,000 characters, without passwords of URLs.
 */
export function errorText(thrown: unknown): string {
  return keptText(textOf(thrown));
}

/** What a listener says, to keep and show. */
export function keptText(text: string): string {
  const kept = text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text;
  return maskSecrets(kept);
}

/** Where it comes from, for whoever asked for that; what was thrown, where it does not say. Never throws. */
export function stackText(thrown: unknown): string {
  try {
    if (thrown instanceof Error && typeof thrown.stack === 'string') return maskSecrets(thrown.stack.slice(0, LONGEST));
  } catch {
    // A stack that cannot be read is none.
  }
  return errorText(thrown);
}

function textOf(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown;
  try {
    if (thrown instanceof Error) return `${thrown.name}: ${thrown.message}${causeOf(thrown)}`;
    return typeof thrown === 'object' && thrown !== null ? objectText(thrown) : `thrown: ${String(thrown)}`;
  } catch {
    return 'something was thrown that cannot be shown';
  }
}

function causeOf({ cause }: Error): string {
  if (cause === undefined) return '';
  return ` (cause: ${cause instanceof Error ? cause.message : textOf(cause)})`;
}

/** As JSON where it can be, else as a console would show it: with its circles cut. */
function objectText(thrown: object): string {
  try {
    return JSON.stringify(thrown) ?? 'an object without content';
  } catch {
    return inspect(thrown, {
      depth: 2,
      breakLength: Number.POSITIVE_INFINITY,
      customInspect: false,
      maxArrayLength: 20,
    });
  }
}
