import { createInterface } from 'node:readline';
import { ThrunError } from '../contracts/errors.js';
import type { Output } from './output.js';

/**
 * Asks before something is deleted. Without a terminal there is nobody to ask: then the command line has to say it.
 * @throws {ThrunError} THRUN_INPUT without a terminal, THRUN_FAILED when the answer is not yes
 */
export async function confirm(question: string, yes: boolean | undefined, output: Output): Promise<void> {
  if (yes === true) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new ThrunError('THRUN_INPUT', [`${question} There is no terminal to ask on: say so with --yes.`]);
  }
  const answer = await ask(`${question} ${output.notePaint.dim('[y/N]')} `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new ThrunError('THRUN_FAILED', ['Nothing was changed.']);
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
