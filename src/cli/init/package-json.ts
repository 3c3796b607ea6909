import { SCRIPTS } from './templates.js';

/** A new package.json. */
export function newPackageJson(folder: string, version: string): string {
  const value = {
    name: packageName(folder),
    version: '0.0.0',
    private: true,
    type: 'module',
    scripts: SCRIPTS,
    dependencies: { thrun: `^${version}` },
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/**
 * An existing package.json with the scripts it lacks; undefined: it lacks none. How it is indented, how its lines end
 * and whether its last one does stay as they are.
 * @throws {SyntaxError} when it is no JSON object
 */
export function withScripts(text: string): { readonly text: string; readonly added: readonly string[] } | undefined {
  const value = JSON.parse(text) as { scripts?: unknown } | null;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new SyntaxError('it is no JSON object');
  const { scripts = {} } = value;
  if (typeof scripts !== 'object' || scripts === null || Array.isArray(scripts))
    throw new SyntaxError('its "scripts" are no JSON object');
  const added = Object.keys(SCRIPTS).filter((name) => !Object.hasOwn(scripts, name));
  if (added.length === 0) return undefined;
  const all = { ...scripts, ...Object.fromEntries(added.map((name) => [name, SCRIPTS[name]])) };
  const indent = /^[^\S\n]*\{\s*?\n([ \t]+)"/.exec(text)?.[1] ?? 2;
  const json = JSON.stringify({ ...value, scripts: all }, undefined, indent) + (text.endsWith('\n') ? '\n' : '');
  return { text: text.includes('\r\n') ? json.replaceAll('\n', '\r\n') : json, added };
}

/** What npm takes for a name, as near to the folder's as it can be. */
function packageName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z\d._-]+/g, '-')
    .replace(/^[._-]+|-+$/g, '');
  // Named like its own dependency, it could not install it.
  return name === '' || name === 'thrun' ? 'thrun-app' : name.slice(0, 200);
}
