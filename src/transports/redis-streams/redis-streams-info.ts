import type { Client } from '../../redis/redis-client.js';

/** The flat list that XINFO answers with, by name. */
export function infoOf(reply: unknown): ReadonlyMap<string, unknown> {
  const list = reply as readonly unknown[];
  return new Map(Array.from({ length: list.length / 2 }, (_, n) => [String(list[2 * n]), list[2 * n + 1]]));
}

/** Every group of a stream, and the last entry that it was given. Fails where there is no stream. */
export async function groupsOf(client: Client, stream: string): Promise<ReadonlyMap<string, string>> {
  const groups = ((await client.xinfo('GROUPS', stream)) as unknown[]).map(infoOf);
  return new Map(groups.map((info) => [String(info.get('name')), String(info.get('last-delivered-id'))]));
}
