import type { Command } from 'commander';
import { maskSecrets } from '../../contracts/secrets.js';
import { type Cli, does, examples } from '../cli.js';
import { checkBatchStore } from '../doctor/batch-checks.js';
import { fail, type Finding, messageOf, ok, type Status } from '../doctor/check.js';
import { checkListeners, checkManifest, checkNames, checkNode } from '../doctor/project-checks.js';
import { checkRights, checkTransports } from '../doctor/transport-checks.js';
import { transportsFor } from '../each-transport.js';
import type { Paint } from '../output.js';
import { plain, plainLines } from '../plain-text.js';
import { configFor, type TransportFlag } from '../project.js';
import { transportOption } from '../shared-flags.js';
import { underSpinner } from '../spinner.js';

export function doctor(command: Command, cli: Cli): void {
  command.addOption(transportOption());
  command.addHelpText('after', '\nExit code 1 when a check fails; a warning alone is no failure.');
  examples(command, ['thrun doctor', `thrun doctor --json | jq '.[] | select(.status != "ok")'`]);
  does(command, cli, (flags: TransportFlag) => run(cli, flags));
}

async function run(cli: Cli, flags: TransportFlag): Promise<number> {
  const { output } = cli;
  const findings = (await underSpinner(output, 'Checking', () => check(cli, flags))).map(withoutSecrets);
  if (output.json) output.document(findings);
  for (const { check: name, status, detail, fix } of findings) {
    const [first = '', ...rest] = plainLines(detail).split('\n');
    output.line(`${MARKS[status](output.paint)}  ${`${name}:`.padEnd(14)}${first}`);
    for (const line of rest) output.line(`      ${line}`);
    if (fix !== null) output.line(`      ${output.paint.bold('→')} ${plain(fix)}`);
  }
  return findings.some(({ status }) => status === 'fail') ? 1 : 0;
}

const MARKS: Readonly<Record<Status, (paint: Paint) => string>> = {
  ok: (paint) => paint.green('ok  '),
  warn: (paint) => paint.yellow('warn'),
  fail: (paint) => paint.red('fail'),
};

/** Everything that can be checked; without a config there is nothing more to look at. */
async function check(cli: Cli, flags: TransportFlag): Promise<readonly Finding[]> {
  const node = checkNode();
  try {
    const { config } = await configFor(cli, flags);
    const { finding, discovery } = await checkListeners(config);
    const names = transportsFor(config, flags);
    const rights = await checkRights(config, names);
    const batchStore = await checkBatchStore(config);
    return [
      node,
      ok('config', config.file ?? `none in ${config.root}: defaults`),
      finding,
      await checkManifest(config),
      ...(discovery ? [checkNames(discovery)] : []),
      ...(rights ? [rights] : []),
      ...(await checkTransports(config, names)),
      ...(batchStore ? [batchStore] : []),
    ];
  } catch (error) {
    return [node, fail('config', messageOf(error), 'Mend what is named; docs/config.md lists every key.')];
  }
}

function withoutSecrets(finding: Finding): Finding {
  return { ...finding, detail: maskSecrets(finding.detail) };
}
