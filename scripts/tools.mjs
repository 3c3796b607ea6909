// Software that tests start and npm does not bring: what is missing is installed from the system's packages.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from './prepare.mjs';

/** Debian puts servers where only root looks. */
const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

/**
 * Installs what is not there yet.
 *
 * @param {Readonly<Record<string, string | readonly string[]>>} tools from a program (or the path of one) to the Debian
 * packages that bring it
 */
export function ensureTools(tools) {
  const packages = Object.entries(tools).flatMap(([program, name]) => (isInstalled(program) ? [] : name));
  if (packages.length === 0) return;
  if (!isInstalled('apt-get')) {
    throw new Error(`The tests need ${packages.join(', ')}: install what your system calls it, then try again.`);
  }
  console.error(`installing ${packages.join(', ')} …`);
  const apt = (...args) => {
    const command = ['apt-get', '-qq', '-o', 'DPkg::Lock::Timeout=300', ...args];
    const [program, ...rest] = process.getuid?.() === 0 ? command : ['sudo', '-E', ...command];
    // Run level 1: installed servers are not started, since every test starts its own.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    run(program, rest, { env, stdio: ['ignore', 2, 2] });
  };
  apt('update');
  apt('install', '--yes', '--no-install-recommends', ...packages);
}

function isInstalled(program) {
  // A path may be that of a library.
  const isPath = program.includes('/');
  const places = isPath ? [program] : FOLDERS.map((folder) => join(folder, program));
  return places.some((place) => {
    try {
      accessSync(place, isPath ? constants.F_OK : constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
