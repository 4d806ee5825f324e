// A bound on waiting: a call to another system that neither answers nor fails must not hold up who asked.

/** The promise's value; or throws what `late` makes when it takes longer than `ms`. The call itself goes on unheard. */
export async function within<T>(ms: number, promise: Promise<T>, late: () => Error): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(late()), ms);
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    clearTimeout(timer);
    // Should it fail after all, nobody is there to hear it.
    promise.catch(() => {});
  }
}
