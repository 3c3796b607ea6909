// The end of a run: what has to be looked at, and a line with the tests that really ran, and one for each further step that failed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder, ...failedSteps] = process.argv.slice(2);
let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
  const report = JSON.parse(readFileSync(join(folder, file), 'utf8'));
  passed += report.numPassedTests;
  failed += report.numFailedTests;
  skipped += report.numPendingTests ?? 0;
}
for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
  const outcome = readFileSync(join(folder, file), 'utf8');
  if (outcome !== '') console.log(`\n######## ${file.replace('.txt', '')}: to be looked at\n${outcome}`);
}
for (const step of failedSteps) console.log(`failed: ${step}`);
const steps = failedSteps.filter((name) => !name.startsWith('tests'));
failed = Math.max(failed + steps.length, failedSteps.length > 0 ? 1 : 0);
console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
