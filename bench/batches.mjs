import { execFileSync, fork } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { testBroker } from './brokers.mjs';
import { figure, median, table, times } from './report.mjs';

const CONTENDERS = ['thrun, Redis', 'BullMQ', 'thrun, SQLite'];
const [THRUN, PEER] = CONTENDERS;
const ROWS = [
  {
    id: 'parallel',
    title: 'batches of 20 jobs beside each other',
    mode: 'parallel',
    jobs: 20,
    batches: 2000,
    warmUp: 500,
    inFlight: 50,
  },
  {
    id: 'sequential',
    title: 'batches of 20 jobs in sequence',
    mode: 'sequential',
    jobs: 20,
    batches: 1000,
    warmUp: 300,
    inFlight: 50,
  },
  {
    id: 'large',
    title: 'jobs of one batch of 10,000',
    mode: 'parallel',
    jobs: 10_000,
    batches: 4,
    warmUp: 2,
    inFlight: 1,
    perJob: true,
  },
];

const HELP = `Measures thrun's batches beside BullMQ's flows: both on one Redis server of this run's own. See docs/benchmarks.md.

  node bench/batches.mjs [options]

  --rounds <n>         how often everything is measured; default 5
  --only <row>         ${ROWS.map(({ id }) => id).join(', ')}; may be repeated
  --contender <name>   ${CONTENDERS.join(', ')}; may be repeated
  --dist <folder>      the build of thrun to measure; default dist
  --cpu-prof           write a .cpuprofile of each measured process to bench/.data
`;

const BENCH = fileURLToPath(new URL('.', import.meta.url));
const ROOT = resolve(BENCH, '..');
const DATA = join(BENCH, '.data');

const { startRedis } = await testBroker('redis');

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', multiple: true, default: ROWS.map(({ id }) => id) },
    contender: { type: 'string', multiple: true, default: CONTENDERS },
    dist: { type: 'string', default: join(ROOT, 'dist') },
    'cpu-prof': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (options.help) process.stdout.write(HELP);
else await main();

async function main() {
  prepare();
  const contenders = CONTENDERS.filter((name) => options.contender.includes(name));
  const rows = ROWS.filter(({ id }) => options.only.includes(id));
  const samples = new Map();
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const row of rows) {
      // Each begins a round once: what heats up or fills up then hits all of them alike.
      const first = round % contenders.length;
      for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
        const sample = await measure(contender, row);
        const { rate, cpu } = sample;
        process.stderr.write(
          `round ${round + 1}: ${row.id}, ${contender}: ${figure(rate)}/s, ${figure(cpu)} µs a job\n`,
        );
        const key = `${row.id} ${contender}`;
        samples.set(key, [...(samples.get(key) ?? []), sample]);
      }
    }
  }
  const lines = rows.flatMap(({ id, title }) => {
    const series = (contender, metric) => samples.get(`${id} ${contender}`)?.map((sample) => sample[metric]);
    const line = (metric, text, unit, ratioOf) => {
      const [ours, theirs] = [series(THRUN, metric), series(PEER, metric)];
      const ratio = ours && theirs && median(ours.map((our, round) => ratioOf(our, theirs[round])));
      return [text, ...contenders.map((contender) => figure(median(series(contender, metric))) + unit), times(ratio)];
    };
    return [
      line('rate', title, '/s', (our, their) => our / their),
      line('cpu', '… CPU a job, its server included', ' µs', (our, their) => their / our),
    ];
  });
  process.stdout.write(`${table([['', ...contenders, 'thrun : BullMQ on Redis'], ...lines])}\n`);
}

/** A fresh process on an empty server, in a folder of its own. */
async function measure(contender, row) {
  const folder = mkdtempSync(join(DATA, 'batches-'));
  const redis = contender.endsWith('SQLite') ? undefined : await startRedis({ below: folder });
  const execArgv = options['cpu-prof']
    ? ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${join(DATA, 'profiles', `${row.id} ${contender}`)}`]
    : [];
  try {
    const job = JSON.stringify({ contender, row, url: redis?.url, folder, dist: options.dist });
    return await new Promise((done, failed) => {
      const child = fork(join(BENCH, 'batches', 'child.mjs'), [job], { execArgv, stdio: ['ignore', 2, 2, 'ipc'] });
      let sample;
      child.on('message', ({ result }) => {
        const server = redis ? cpuUs(redis.pid) / ((row.warmUp + row.batches) * row.jobs) : 0;
        sample = { rate: result.rate, cpu: result.cpu + server };
      });
      child.on('exit', (code, signal) =>
        sample ? done(sample) : failed(new Error(`${contender}: ended with ${signal ?? code}`)),
      );
    });
  } finally {
    await redis?.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ticks of a hundredth of a second, user and system. Linux tells them. */
function cpuUs(pid) {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ').slice(13, 15);
  return 10_000 * (Number(user) + Number(system));
}

function prepare() {
  mkdirSync(DATA, { recursive: true });
  const peers = join(BENCH, 'batches');
  if (!existsSync(join(peers, 'node_modules'))) {
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: peers, stdio: ['ignore', 2, 2] });
  }
  if (!existsSync(join(options.dist, 'index.js'))) {
    execFileSync('npm', ['run', 'build'], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  }
}
