import { createInterface } from 'node:readline';
import { ThrunError } from '../contracts/errors.js';
import type { Output } from './output.js';

/** How long an answer that comes through a pipe is waited for: a pipe that nobody writes to would be for ever. */
const PIPED_MS = 5000;

/**
 * Asks before something is deleted: on the terminal, or whoever writes to stdin (`echo y | thrun …`). Where nobody answers
 * the command line has to say it.
 * @throws {ThrunError} THRUN_INPUT without an answer from elsewhere than a terminal, THRUN_FAILED when it is not yes
 */
export async function confirm(question: string, yes: boolean | undefined, output: Output): Promise<void> {
  if (yes === true) return;
  const asked = isAnybodyThere();
  const answer = asked ? await ask(`${question} ${output.notePaint.dim('[y/N]')} `) : await pipedAnswer();
  if (!asked && answer.trim() === '') {
    throw new ThrunError('THRUN_INPUT', [`${question} There is no terminal to ask on: say so with --yes.`]);
  }
  if (!/^y(es)?$/i.test(answer.trim())) throw new ThrunError('THRUN_FAILED', ['Nothing was changed.']);
}

/** Somebody can read a question and answer it. */
export function isAnybodyThere(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}

/** The first line of stdin; nothing when it has none. */
function pipedAnswer(): Promise<string> {
  // A terminal whose owner cannot see the question: 2>/dev/null.
  if (process.stdin.isTTY) return Promise.resolve('');
  return new Promise((resolve) => {
    const lines = createInterface({ input: process.stdin });
    const end = (answer: string) => {
      clearTimeout(late);
      resolve(answer);
      lines.close();
      process.stdin.destroy();
    };
    const late = setTimeout(end, PIPED_MS, '');
    lines.once('line', end);
    lines.once('close', () => end(''));
  });
}

/** The end of the input, and Ctrl-C, are a no. */
function ask(question: string): Promise<string> {
  return new Promise((resolve) => {
    const prompt = createInterface({ input: process.stdin, output: process.stderr });
    prompt.question(question, (answer) => {
      resolve(answer);
      prompt.close();
    });
    prompt.once('SIGINT', () => prompt.close());
    prompt.once('close', () => resolve(''));
  });
}
