import { Option } from 'commander';
import { nameFlag } from './flag-values.js';

/** For every command that goes to a transport. */
export function transportOption(): Option {
  return new Option('--transport <name>', 'another transport than the config names').argParser(nameFlag);
}
