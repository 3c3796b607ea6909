import type { DefineCommand } from './cli.js';

export interface CommandEntry {
  readonly summary: string;
  /** For scripts of our own; not in the help. */
  readonly hidden?: boolean;
  /** Loaded when it is the one that was asked for: `thrun publish` does not wait for what `thrun work` needs. */
  readonly load: () => Promise<DefineCommand>;
}

/** Every command, in the order of the help. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  init: {
    summary: 'make a config, an example listener and an example job; never overwrites',
    load: async () => (await import('./commands/init.js')).init,
  },
  discover: {
    summary: 'find the listeners and jobs, and write the manifest',
    load: async () => (await import('./commands/discover.js')).discover,
  },
  work: {
    summary: 'run the listeners and jobs in worker processes',
    load: async () => (await import('./commands/work.js')).work,
  },
  publish: {
    summary: 'publish an event or a job, or a file of envelopes',
    load: async () => (await import('./commands/publish.js')).publish,
  },
  batch: {
    summary: 'start, watch, explain, cancel and retry batches of jobs',
    load: async () => (await import('./commands/batch.js')).batch,
  },
  failed: {
    summary: 'list, show, retry and forget dead letters',
    load: async () => (await import('./commands/failed.js')).failed,
  },
  queues: {
    summary: 'show what the queues hold; purge one',
    load: async () => (await import('./commands/queues.js')).queues,
  },
  replay: {
    summary: 'hand events that were handled to one group or listener again',
    load: async () => (await import('./commands/replay.js')).replay,
  },
  bridge: {
    summary: 'move events from one transport to another, byte for byte',
    load: async () => (await import('./commands/bridge.js')).bridge,
  },
  doctor: {
    summary: 'check config, manifest, transport and rights, and say how to mend them',
    load: async () => (await import('./commands/doctor.js')).doctor,
  },
  health: {
    summary: 'tell whether the workers of this project consume',
    load: async () => (await import('./commands/health.js')).health,
  },
  completion: {
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => (await import('./commands/completion.js')).completion,
  },
  'complete-names': {
    summary: 'print the contract names of this project, one a line',
    hidden: true,
    load: async () => (await import('./commands/complete-names.js')).completeNames,
  },
};
