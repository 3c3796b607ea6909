import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url));

/** Runs one task in a process of its own. Resolves to what it measured. */
export function runTask(job, execArgv) {
  return new Promise((resolve, reject) => {
    const child = start(job, execArgv);
    let result;
    child.on('message', (message) => {
      result = message.result ?? null;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0 && result !== undefined) resolve(result);
      else reject(ended(job, signal ?? code));
    });
  });
}

/**
 * Starts one that measures in turns. Resolves when it is ready for the first: `turn` resolves to what one measured, `end`
 * when the process is gone.
 */
export async function startTask(job, execArgv) {
  const child = start(job, execArgv);
  const answer = () =>
    new Promise((resolve, reject) => {
      const onExit = (code, signal) => reject(ended(job, signal ?? code));
      child.once('exit', onExit);
      child.once('message', ({ result }) => {
        child.off('exit', onExit);
        resolve(result);
      });
    });
  const ask = (what) => {
    const answered = answer();
    child.send(what);
    return answered;
  };
  await answer();
  return {
    turn: () => ask('turn'),
    end: async () => {
      const gone = once(child, 'exit');
      await ask('end');
      await gone;
    },
  };
}

function start(job, execArgv = []) {
  return fork(CHILD, [JSON.stringify(job)], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

function ended({ contender, task }, how) {
  return new Error(`${contender}, ${task}: the process ended with ${how}`);
}
