// A vitest reporter: writes to the file that THRUN_OUTCOME names what a person has to look at, so that it can be said last. That is
// what failed and why, errors that nobody caught (they fail a run in which each test passed), and what passed only when tried again.
import { writeFileSync } from 'node:fs';

/** Of a message: what is left is in the run's own report. */
const LINES = 12;

export default class Outcome {
  onTestRunEnd(modules, unhandled) {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    writeFileSync(
      process.env.THRUN_OUTCOME,
      [
        ...tests
          .filter((test) => test.result().state === 'failed')
          .map((test) => told('failed', test, test.result().errors)),
        ...suites.filter((suite) => suite.errors().length > 0).map((suite) => told('failed', suite, suite.errors())),
        ...unhandled.map((error) => `nobody caught: ${brief(error.stack ?? error.message)}\n`),
        ...tests
          .filter((test) => test.ok() && (test.diagnostic()?.retryCount ?? 0) > 0)
          .map((test) =>
            told('passed only when tried again, a bug to be looked into', test, test.result().errors ?? []),
          ),
      ].join(''),
    );
  }
}

function told(what, task, errors) {
  return `${what}: ${nameOf(task)}\n${errors.map((error) => `${brief(error.stack ?? error.message)}\n`).join('')}`;
}

function nameOf(task) {
  const module = task.module ?? task;
  return task === module ? module.relativeModuleId : `${module.relativeModuleId} > ${task.fullName}`;
}

function brief(text) {
  const lines = String(text)
    .split('\n')
    .filter((line) => !line.includes('/node_modules/@vitest/'));
  return lines.slice(0, LINES).join('\n  ');
}
