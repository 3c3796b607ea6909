import { CommanderError } from 'commander';
import { maskSecrets } from '../contracts/secrets.js';
import { ThrunError } from '../contracts/errors.js';
import type { Output } from './output.js';
import { PartialFailure } from './partial-failure.js';
import { plainLines } from './plain-text.js';

/** The one place where errors end. Returns the exit code: 2 for what the caller gave us, 1 for everything else. */
export function reportError(error: unknown, output: Output, help: string): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  const { code, message, usage, expected } = understood(error, help);
  const text = plainLines(maskSecrets(message));
  if (output.json) {
    const done = error instanceof PartialFailure ? error.done : {};
    output.document({ ...done, error: { code, message: text } });
  }
  output.note(`${output.notePaint.red('error:')} ${text}`);
  if (output.verbose) output.note(plainLines(maskSecrets(stackOf(error))));
  else if (!expected) output.note('This was not foreseen. Run it again with --verbose to see where it comes from.');
  return usage ? 2 : 1;
}

interface Understood {
  readonly code: string;
  readonly message: string;
  readonly usage: boolean;
  readonly expected: boolean;
}

function understood(error: unknown, help: string): Understood {
  if (error instanceof ThrunError)
    return { code: error.code, message: error.message, usage: error.usage, expected: true };
  if (error instanceof CommanderError)
    return { code: 'THRUN_USAGE', message: usageText(error, help), usage: true, expected: true };
  if (error instanceof Error) {
    const { code } = error as NodeJS.ErrnoException;
    // Errors of the operating system say themselves what is missing and where.
    const foreseen = typeof code === 'string' && /^E[A-Z]+$/.test(code);
    return {
      code: foreseen ? code : 'THRUN_UNEXPECTED',
      message: error.message || error.name,
      usage: false,
      expected: foreseen,
    };
  }
  return { code: 'THRUN_UNEXPECTED', message: String(error), usage: false, expected: false };
}

/** "error: unknown option '--concurency'\n(Did you mean --concurrency?)" as a sentence, and where to read on. */
function usageText({ code, message }: CommanderError, help: string): string {
  // The help itself was printed: a command was missing.
  if (code === 'commander.help') return `A command is missing. See "${help}" for all of them.`;
  const [first = '', ...rest] = message.replace(/^error: /, '').split('\n');
  const sentence = first.charAt(0).toUpperCase() + first.slice(1);
  const ended = /[.?!]$/.test(sentence) ? sentence : `${sentence}.`;
  const hints = rest.map((line) => ` ${line.replace(/^\((.*)\)$/, '$1')}`).join('');
  return `${ended}${hints} See "${help}".`;
}

function stackOf(error: unknown): string {
  const stacks: string[] = [];
  for (let at = error; at instanceof Error && stacks.length < 5; at = at.cause) stacks.push(at.stack ?? String(at));
  return stacks.join('\ncaused by: ');
}
