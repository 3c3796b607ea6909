import { pathToFileURL } from 'node:url';

/** Imports a user's module. Another `version` is another module, although the file is the same. */
export function nativeImport(file: string, version = ''): Promise<Record<string, unknown>> {
  return import(`${pathToFileURL(file).href}${version && `?${version}`}`) as Promise<Record<string, unknown>>;
}
