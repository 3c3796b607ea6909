import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { machineFacts } from './machine.mjs';
import { runTask, startTask } from './process.mjs';
import { summarize, tables } from './report.mjs';
import { ROWS } from './rows.mjs';
import { TARGETS } from './targets.mjs';

const HELP = `Measures thrun beside the raw client and two other queues on the same broker. See docs/benchmarks.md.

  node bench/run.mjs [options]

  --on <what>             ${Object.keys(TARGETS).join(' or ')}; default sqlite
  --rounds <n>            how often everything is measured; default 5, 2 with --quick
  --quick                 shorter measurements, for a first look
  --only <row>            ${ROWS.map(({ id }) => id).join(', ')}; may be repeated
  --contender <name>      may be repeated;
${Object.entries(TARGETS)
  .map(([name, { contenders }]) => `                            ${name}: ${contenders.join(', ')}`)
  .join('\n')}
  --durability <which>    normal or full (sqlite); default both
  --dist <folder>         the build of thrun to measure; default dist
  --other-build <folder>  another build, measured beside it
  --cpu-prof              write a .cpuprofile of each measured process to bench/.data
`;

const BENCH = fileURLToPath(new URL('.', import.meta.url));
const ROOT = resolve(BENCH, '..');
const DATA = join(BENCH, '.data');
const RESULTS = join(BENCH, 'results');

const { values: options } = parseArgs({
  options: {
    on: { type: 'string', default: 'sqlite' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
    contender: { type: 'string', multiple: true },
    durability: { type: 'string' },
    dist: { type: 'string', default: join(ROOT, 'dist') },
    'other-build': { type: 'string' },
    'cpu-prof': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

if (options.help) process.stdout.write(HELP);
else await main();

async function main() {
  const target = TARGETS[options.on];
  if (!target) throw new Error(`--on ${options.on}: there is ${Object.keys(TARGETS).join(', ')}`);
  const rows = chosen('--only', options.only, ROWS, ({ id }) => id).filter(({ on = options.on }) =>
    on.includes(options.on),
  );
  const contenders = chosen('--contender', options.contender, target.contenders).filter(
    (name) => options['other-build'] !== undefined || name !== 'thrun (other build)',
  );
  const rounds = Number(options.rounds ?? (options.quick ? 2 : 5));
  if (!(rounds >= 1)) throw new Error(`--rounds must be a number from 1, and is ${options.rounds}`);
  prepare(target);

  const builds = { dist: resolve(options.dist), other: options['other-build'] && resolve(options['other-build']) };
  const machine = await machineFacts(builds.dist, DATA);
  const broker = await target.serve(DATA);
  const samples = [];
  for (let round = 0; round < rounds; round++) {
    for (const row of rows) {
      for (const durability of durabilitiesOf(row, target)) {
        if (options.durability !== undefined && durability !== options.durability) continue;
        const about = `round ${round + 1} of ${rounds}: ${row.id}, ${durability}`;
        // Each begins a round once: what heats up or fills up then hits all of them alike.
        const order = rotated(contenders, round);
        const measured = sizesOf(row).turns === undefined ? measureEach : measureInTurns;
        for await (const { contender, turn = 0, result } of measured(row, durability, order, builds, broker, about)) {
          const at = round * (sizesOf(row).turns ?? 1) + turn;
          for (const [metric, value] of Object.entries(result)) {
            samples.push({ row: row.id, metric, durability, contender, round: at, value });
          }
        }
      }
    }
  }
  note('');
  await broker.stop();

  const text = tables(summarize(samples, rows, contenders, target), contenders, target);
  process.stdout.write(`\n${text}\n\n${JSON.stringify(machine)}\n`);
  mkdirSync(RESULTS, { recursive: true });
  const result = {
    on: options.on,
    measuredAt: new Date().toISOString(),
    quick: options.quick,
    rounds,
    machine,
    samples,
  };
  writeFileSync(join(RESULTS, 'latest.json'), `${JSON.stringify(result, null, 1)}\n`);
}

/** One after another, each in a fresh process. */
async function* measureEach(row, durability, contenders, builds, broker, about) {
  for (const contender of contenders) {
    note(`${about}, ${contender}`);
    const { job, execArgv, remove } = prepareJob(row, durability, contender, builds, broker.fresh());
    try {
      yield { contender, result: await runTask(job, execArgv) };
    } finally {
      remove();
    }
  }
}

/** All at once, of whom only one does anything at a time: what is compared lies a moment apart, and is warm. */
async function* measureInTurns(row, durability, contenders, builds, broker, about) {
  const running = [];
  const jobs = contenders.map((contender) => prepareJob(row, durability, contender, builds, broker.fresh()));
  try {
    for (const { job, execArgv } of jobs) {
      note(`${about}, ${job.contender}`);
      running.push({ contender: job.contender, process: await startTask(job, execArgv) });
    }
    for (let turn = 0; turn < sizesOf(row).turns; turn++) {
      for (const { contender, process } of rotated(running, turn % running.length)) {
        yield { contender, turn, result: await process.turn() };
      }
    }
  } finally {
    for (const { process } of running) await process.end();
    for (const { remove } of jobs) remove();
  }
}

/** What a process is given, and a fresh folder, on the disk the repository is on: a temporary folder may be in memory. */
function prepareJob(row, durability, contender, builds, place) {
  const folder = mkdtempSync(join(DATA, 'run-'));
  const execArgv = options['cpu-prof']
    ? ['--cpu-prof', '--cpu-prof-interval=200', `--cpu-prof-dir=${join(DATA, 'profiles', `${row.id} ${contender}`)}`]
    : [];
  const where = { on: options.on, ...place, contender, durability, folder, builds };
  const remove = () => rmSync(folder, { recursive: true, force: true });
  return { job: { ...sizesOf(row), task: row.task, ...where }, execArgv, remove };
}

function sizesOf(row) {
  return options.quick ? row.quick : row.full;
}

/** The embedded transport knows two, the brokers their own. */
function durabilitiesOf({ durabilities }, target) {
  return Object.keys(target.durabilities).filter((one) => options.on !== 'sqlite' || durabilities.includes(one));
}

function prepare(target) {
  mkdirSync(DATA, { recursive: true });
  target.install();
  if (!existsSync(join(options.dist, 'index.js'))) {
    note('building thrun');
    execFileSync('npm', ['run', 'build'], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  }
}

function chosen(option, names, all, nameOf = (name) => name) {
  if (!names) return all;
  return names.map((name) => {
    const found = all.find((one) => nameOf(one) === name);
    if (!found) throw new Error(`${option} ${name}: there is ${all.map(nameOf).join(', ')}`);
    return found;
  });
}

function rotated(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

function note(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}
