import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isName } from './rules.js';

/** The name in the nearest package.json that has one: `@acme/orders` → `acme-orders`. */
export function packageName(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const found = nameIn(join(at, 'package.json'));
    if (found !== undefined) return found;
    if (at === dirname(at)) return undefined;
  }
}

function nameIn(file: string): string | undefined {
  try {
    const { name } = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown };
    if (typeof name !== 'string') return undefined;
    const group = name.replace(/^@/, '').replace(/\//g, '-');
    return isName(group) ? group : undefined;
  } catch {
    // It is somebody else's file: absent or broken, it just has no name to give.
    return undefined;
  }
}
