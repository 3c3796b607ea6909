/** Scripts say what they may do in a way that older servers do not understand. */
const OLDEST = 7;

export interface ServerVersion {
  /** As it calls itself: `Redis 8.0.2`, `Valkey 9.1.2`. */
  readonly name: string;
  /** Why it cannot be used; undefined: it can. */
  readonly problem: string | undefined;
}

/** What `INFO server` says. Others than Redis name, as theirs, the version of Redis that they stand in for. */
export function versionIn(info: string): ServerVersion {
  const redis = valueOf(info, 'redis_version') ?? 'of an unknown version';
  const valkey = valueOf(info, 'valkey_version');
  const problem = `the server is Redis ${redis}; ${OLDEST}.0 or later is needed`;
  return {
    name: valkey === undefined ? `Redis ${redis}` : `Valkey ${valkey}`,
    problem: Number.parseInt(redis, 10) < OLDEST ? problem : undefined,
  };
}

function valueOf(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
}
