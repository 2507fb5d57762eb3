// wait.mjs — for what happens soon, but not at once.
import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

/* Calls `check` again and again until it does not throw any more; after `limitMs` its last error is thrown. Gives what `check` gave. */
export async function eventually(check, limitMs = 20_000) {
    const deadline = Date.now() + limitMs;
    for (;;) {
        try {
            return await check();
        } catch (error) {
            if (Date.now() > deadline) throw error;
        }
        await sleep(10);
    }
}

/* Milliseconds that `work` took. */
export async function timed(work) {
    const begun = performance.now();
    await work();
    return performance.now() - begun;
}
