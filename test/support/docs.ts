import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './build.js';

/** The programs in one language that a document shows, as they stand there, in their order. */
export function shownIn(document: string, language: string): readonly string[] {
  const text = readFileSync(join(REPOSITORY, document), 'utf8');
  const blocks = text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'));
  const programs = [...blocks].map(([, program = '']) => program);
  if (programs.length === 0) throw new Error(`${document} has no program in ${language}`);
  return programs;
}
