/** Pieces that come when they are wanted, as a stream. */

/**
 * @param {() => Promise<AsyncGenerator<Uint8Array>>} start is asked for the pieces when the first is wanted
 * @param {AbortSignal} over nothing comes after it
 * @returns {ReadableStream<Uint8Array>}
 */
export function streamed(start, over) {
  /** @type {AsyncGenerator<Uint8Array> | undefined} */
  let pieces;
  return new ReadableStream(
    {
      pull: async (controller) => {
        pieces ??= await start();
        const { done, value } = await pieces.next();
        over.throwIfAborted();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => {
        await pieces?.return(undefined);
      },
    },
    // Nothing is read ahead of whoever reads.
    { highWaterMark: 0 },
  );
}
