import { relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { type Cli, does, examples, type GlobalFlags } from '../cli.js';
import { makeProject } from '../init/make-project.js';
import { plain } from '../plain-text.js';
import { packageVersion } from '../version.js';

export function init(command: Command, cli: Cli): void {
  command.argument('[dir]', 'the folder, made when there is none', '.');
  examples(command, ['thrun init', 'thrun init shop && cd shop && npm install && npx thrun work']);
  does(command, cli, (_flags: GlobalFlags, dir: string) => run(cli, dir));
}

async function run({ output }: Cli, dir: string): Promise<void> {
  const folder = resolve(dir);
  const { created, changed, kept } = await makeProject(folder, packageVersion());
  if (output.json) return output.document({ folder, created, changed, kept });
  for (const file of created) output.line(`${output.paint.green('created')}  ${file}`);
  for (const { file, added } of changed)
    output.line(`${output.paint.green('changed')}  ${file}: scripts ${added.join(', ')} added`);
  for (const { file, why } of kept)
    output.line(`${output.paint.dim('kept')}     ${file}${why === undefined ? '' : ` (${plain(why)})`}`);
  output.note(`
Next:
${nextSteps(folder, created.includes('package.json'))
  .map((step) => `  ${step}`)
  .join('\n')}`);
}

function nextSteps(folder: string, isNew: boolean): readonly string[] {
  const there = relative(process.cwd(), folder);
  return [
    ...(there === '' ? [] : [`cd ${plain(there)}`]),
    isNew ? 'npm install' : 'npm install thrun   (unless it is installed)',
    'npx thrun work',
    `npx thrun publish order_created '{"order_id":123}'   (in another terminal)`,
  ];
}
