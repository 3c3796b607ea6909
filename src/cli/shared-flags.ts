import { Option } from 'commander';
import { nameFlag } from './flag-values.js';

/** For every command that goes to a transport. */
export function transportOption(): Option {
  return new Option('--transport <name>', 'this transport only; the config need not name it').argParser(nameFlag);
}
