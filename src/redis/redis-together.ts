import type { Client } from './redis-client.js';
import { type Argument, RedisScript } from './redis-script.js';

/** One script for many steps: each as if it were called by itself, and none in the way of the others. */
const EACH = `
local replies, key, at = {}, 0, 1
while ARGV[at] do
  local keys, args = {}, {}
  local key_count, count = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  for place = 1, key_count do keys[place] = KEYS[key + place] end
  for place = 1, count do args[place] = ARGV[at + 1 + place] end
  key, at = key + key_count, at + 2 + count
  local done, reply = pcall(step, keys, args)
  if done then replies[#replies + 1] = { 1, reply == nil and false or reply }
  else replies[#replies + 1] = { 0, type(reply) == 'table' and reply.err or tostring(reply) } end
end
return replies
`;

interface Call<Reply> {
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

type EachReply<Reply> = ([1, Reply] | [0, Buffer])[];

/** Arguments of one call that goes with others, and of all of them: a script keeps everybody else waiting. */
const SMALL = 500;
const LOT = 5000;

/**
 * A script whose calls of one turn of the event loop go to the server as one: a call costs more than what it does. In a Cluster
 * each goes by itself, since their keys are in different places.
 */
export class TogetherScript<Reply> {
  readonly #alone: RedisScript<Reply>;
  readonly #together: RedisScript<EachReply<Reply>>;
  readonly #calls = new Map<Client, Call<Reply>[]>();

  /** As {@link RedisScript}; the last part is the step. */
  constructor(header: { readonly allowOom: boolean }, ...parts: readonly string[]) {
    this.#alone = new RedisScript(header, ...parts);
    const common = parts.slice(0, -1);
    this.#together = new RedisScript(
      header,
      ...common,
      `local function step(KEYS, ARGV)\n${parts.at(-1)}\nend\n`,
      EACH,
    );
  }

  run(client: Client, keys: readonly string[], args: readonly Argument[]): Promise<Reply> {
    if (client.isCluster || args.length > SMALL) return this.#alone.run(client, keys, args);
    return new Promise((resolve, reject) => {
      const call = { keys, args, resolve, reject };
      const calls = this.#calls.get(client);
      if (calls) {
        calls.push(call);
        return;
      }
      this.#calls.set(client, [call]);
      // When every promise that is kept by now has been heard of.
      process.nextTick(() => this.#send(client));
    });
  }

  #send(client: Client): void {
    const calls = this.#calls.get(client) ?? [];
    this.#calls.delete(client);
    let lot: Call<Reply>[] = [];
    let size = 0;
    for (const call of calls) {
      if (size > LOT) {
        void this.#sendLot(client, lot);
        [lot, size] = [[], 0];
      }
      lot.push(call);
      size += call.args.length;
    }
    void this.#sendLot(client, lot);
  }

  async #sendLot(client: Client, lot: readonly Call<Reply>[]): Promise<void> {
    try {
      const [only] = lot;
      if (lot.length === 1 && only) return only.resolve(await this.#alone.run(client, only.keys, only.args));
      const keys = lot.flatMap((call) => call.keys);
      const args = lot.flatMap((call) => [call.keys.length, call.args.length, ...call.args]);
      const replies = await this.#together.run(client, keys, args);
      for (const [i, { resolve, reject }] of lot.entries()) {
        const [isDone, reply] = replies[i] as EachReply<Reply>[number];
        if (isDone === 1) resolve(reply);
        else reject(replyError(String(reply)));
      }
    } catch (error) {
      for (const { reject } of lot) reject(error);
    }
  }
}

/** As the client makes them of what a server refuses. */
function replyError(message: string): Error {
  return Object.assign(new Error(message), { name: 'ReplyError' });
}
