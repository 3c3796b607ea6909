import * as sqlite from './contenders/index.mjs';
import * as kafka from './contenders/kafka/index.mjs';
import * as rabbitmq from './contenders/rabbitmq/index.mjs';
import * as redis from './contenders/redis/index.mjs';
import * as publishing from './tasks/publish.mjs';
import * as working from './tasks/work.mjs';

const tasks = { ...publishing, ...working };
const { task, ...job } = JSON.parse(process.argv[2]);
const { loadContender } = { sqlite, redis, rabbitmq, kafka }[job.on];
const result = await tasks[task](await loadContender(job.contender, job.builds), job);
process.send({ result }, () => process.exit(0));
