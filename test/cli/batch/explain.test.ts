import { describe, expect, test } from 'vitest';
import { batchShop } from './batch-shop.js';

const { explained, shop, started, work } = batchShop();

describe('explain', () => {
  test('a job in a queue nobody ever consumed: just that, and where', async () => {
    const input = '{"name":"stuck","jobs":[{"event":"resize","queue":"pictures"},{"event":"create_payment"}]}';
    const { batch_id } = await shop.json<{ batch_id: string }>(['batch', 'start', '-'], { input });
    const text = await explained(batch_id);
    expect(text).toContain('Batch stuck');
    expect(text).toMatch(/resize \(job [\da-f-]+\) was sent to queue pictures of sqlite \S+ ago and has not begun\./);
    expect(text).toContain('The manifest knows no handler for it.');
    expect(text).toContain('Nobody consumes this queue: no group has ever consumed pictures on sqlite.');
    expect(text).toContain('thrun work --queue pictures');
    expect(text).toContain('1 job of later stages waits for these.');
    const { lines } = await shop.json<{ lines: string[] }>(['batch', 'explain', batch_id]);
    expect(`${lines.join('\n')}\n`.replace(/\S+ ago/g, '')).toBe(text.replace(/\S+ ago/g, ''));
    await shop.run(['batch', 'cancel', batch_id]);
  });

  test('a queue that was consumed once, and is by none of the workers that run now', async () => {
    await work();
    const id = await started('--job', 'send_mail={}');
    expect(await explained(id)).toContain('Nobody consumes this queue');
    const working = shop.start(['work', '--queue', 'events']);
    await working.says(/is ready/);
    expect(await explained(id)).toContain(
      'Nobody consumes this queue: no "thrun work" of this project on this machine consumes mail.',
    );
    const mailing = shop.start(['work', '--queue', 'mail']);
    expect((await shop.run(['batch', 'status', id, '--watch'])).code).toBe(0);
    for (const { child, ended } of [working, mailing]) {
      child.kill('SIGTERM');
      await ended;
    }
  });

  test('without its transport it still says what it knows', async () => {
    const id = await started('--job', 'send_mail={}');
    const { code, stdout, stderr } = await shop.run(['batch', 'explain', id], {
      env: { THRUN_SQLITE_PATH: shop.folder },
    });
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: expect.stringContaining('sent to queue mail'),
      stderr: expect.stringContaining('cannot be reached'),
    });
    await work();
  });
});
