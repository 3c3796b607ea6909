import type { Change, View } from '../../contracts/batch-store.js';
import { advance, endWith } from './advance.js';
import { Draft, REFUSED } from './draft.js';

/** What has not begun is cancelled now; what runs is told so and waited for. */
export function cancel(view: View, now: number): Change {
  if (view.batch.status !== 'running') return REFUSED;
  const draft = new Draft(view, now);
  endWith(draft, 'cancelled');
  advance(draft);
  return draft.change();
}
