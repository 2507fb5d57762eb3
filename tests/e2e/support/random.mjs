// random.mjs — the same numbers for the same seed.

/* ROSTER_SEED repeats a run. */
export const SEED = Number(process.env.ROSTER_SEED ?? Date.now() % 2 ** 31);

export class Random {
    constructor(seed) {
        this.state = seed >>> 0;
    }

    /* 0 <= x < 1 (mulberry32) */
    next() {
        this.state = (this.state + 0x6d2b79f5) >>> 0;
        let t = this.state;
        t = Math.imul(t ^ (t >>> 15), t | 1);
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
        return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    }

    /* 0 <= n < limit */
    below(limit) {
        return Math.floor(this.next() * limit);
    }

    chance(probability) {
        return this.next() < probability;
    }

    pick(list) {
        return list[this.below(list.length)];
    }

    /* `count` of them, some perhaps more than once. */
    picks(list, count) {
        return Array.from({ length: count }, () => this.pick(list));
    }
}
