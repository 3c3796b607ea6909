const LONGEST = 4000;

/**
 * What was thrown, as text to keep and show. Anything can be thrown: nothing, a string, an object whose properties
 * throw in turn. Never throws, never longer than 4,000 characters.
 */
export function errorText(thrown: unknown): string {
  let text: string;
  try {
    if (thrown instanceof Error) {
      text = `${thrown.name}: ${thrown.message}`;
      if (thrown.cause !== undefined)
        text += ` (cause: ${thrown.cause instanceof Error ? thrown.cause.message : String(thrown.cause)})`;
    } else if (typeof thrown === 'string') text = thrown;
    else if (typeof thrown === 'object' && thrown !== null)
      text = JSON.stringify(thrown) ?? 'an object without content';
    else text = `thrown: ${String(thrown)}`;
  } catch {
    text = 'something was thrown that cannot be shown';
  }
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length} characters)` : text;
}
