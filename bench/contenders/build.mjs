import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What a build of thrun exports. */
export function load(dist, file = 'index.js') {
  return import(pathToFileURL(resolve(dist, file)).href);
}
