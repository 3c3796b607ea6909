import type { Handled, Project } from '../project.js';

/** A listener to `slow` that takes so long, and writes down when it begins and ends. `then`: what it does once it has begun. */
export const slow = (ms: number, then = '') => `
@ThrunEventListener('slow', { name: 'slow' })
export class Slow {
  async handle(_: unknown, context: EventContext) {
    ledger(context, { step: 'begin' });
    ${then}
    await new Promise((resolve) => setTimeout(resolve, ${ms}));
    ledger(context, { step: 'end' });
  }
}`;

export function steps(project: Project, step: string): readonly Handled[] {
  return project.handled().filter((line) => line.step === step);
}
