/** What comes in one turn of the event loop goes out together. */
export function gathering(send) {
  let together = [];
  let sent;
  return (payload) => {
    together.push(payload);
    sent ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const payloads = together;
        together = [];
        sent = undefined;
        send(payloads).then(resolve, reject);
      });
    });
    return sent;
  };
}

/** Claims a batch, acknowledging the one before, and handles it while the next is on its way. */
export function batches({ handle, claim, drop, news, end }) {
  let stopping = false;
  const runOne = (body) => handle(JSON.parse(body).payload);
  const loop = (async () => {
    let coming = claim();
    let done;
    while (!stopping) {
      const batch = await coming;
      // What is done is acknowledged with the claim after the next: that one is on its way already.
      coming = stopping ? undefined : claim(done);
      done = undefined;
      if (batch) {
        await Promise.all(batch.bodies.map(runOne));
        done = batch.token;
      } else {
        const next = await coming;
        coming = Promise.resolve(next);
        if (!next && !stopping) {
          await news();
          coming = claim();
        }
      }
    }
    const rest = await coming;
    for (const token of [done, rest?.token]) if (token !== undefined) await drop(token);
  })();
  return {
    stop: () => {
      stopping = true;
      end();
      return loop;
    },
  };
}
