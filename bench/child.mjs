import { once } from 'node:events';
import * as sqlite from './contenders/index.mjs';
import * as kafka from './contenders/kafka/index.mjs';
import * as rabbitmq from './contenders/rabbitmq/index.mjs';
import * as redis from './contenders/redis/index.mjs';
import * as publishing from './tasks/publish.mjs';
import * as working from './tasks/work.mjs';

const tasks = { ...publishing, ...working };
const { task, ...job } = JSON.parse(process.argv[2]);
const { loadContender } = { sqlite, redis, rabbitmq, kafka }[job.on];
const measuring = tasks[task](await loadContender(job.contender, job.builds), job);
const result = Symbol.asyncIterator in measuring ? await inTurns(measuring) : await measuring;
process.send({ result }, () => process.exit(0));

/** Each turn when it is asked for, until the end is. */
async function inTurns(turns) {
  for await (const result of turns) {
    const asked = once(process, 'message');
    process.send({ result });
    if ((await asked)[0] === 'end') break;
  }
  return {};
}
