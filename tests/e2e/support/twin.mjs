// twin.mjs — a client of two servers that must say the same, byte for byte but for what a server makes by chance or by the clock
// (times, UUIDs, ids of requests).
import assert from 'node:assert/strict';

const BY_CHANCE = /[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;
const BY_CLOCK = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?|"servertime":\d+|\d{10}(?=[,}])/g;
const ITS_PORT = /127\.0\.0\.1:\d+/g;
const HEADERS_BY_CHANCE = /^(date|.*-id|set-cookie|content-length)$/i; // times end where their zeros begin: their length is chance too

/* `known`: the UUIDs of what was in the world from the start. They are the same in both, and stay. */
export const masked = (text, known) =>
    text
        .replace(BY_CHANCE, (uuid) => (known.has(uuid) ? uuid : 'UUID'))
        .replace(BY_CLOCK, 'TIME')
        .replace(ITS_PORT, 'SERVER');

/* Long texts: only where they differ is of interest. */
export function assertSame(postgres, sqlite, what) {
    let at = 0;
    while (at < sqlite.length && postgres[at] === sqlite[at]) at++;
    const around = (text) => text.slice(Math.max(0, at - 80), at + 120);
    if (postgres !== sqlite) assert.fail(`${what}\nSQLite:     ${around(sqlite)}\nPostgreSQL: ${around(postgres)}`);
}

const seen = (answer, known) => ({
    status: answer.status,
    headers: answer.headers
        .filter(([name]) => !HEADERS_BY_CHANCE.test(name))
        .map(([name, value]) => `${name}: ${masked(value, known)}`),
    text: masked(answer.text, known),
});

/* What one server calls by a UUID of its own the other calls by another, always by the same one. */
export class Names {
    #ofPostgres = new Map(); // by SQLite's

    constructor(known) {
        this.known = known;
    }

    learn(sqlite, postgres, what) {
        const others = postgres.match(BY_CHANCE) ?? [];
        for (const [i, uuid] of (sqlite.match(BY_CHANCE) ?? []).entries()) {
            const other = this.#ofPostgres.get(uuid);
            if (other) assert.equal(others[i], other, `${what}: what PostgreSQL calls otherwise`);
            else this.#ofPostgres.set(uuid, others[i]);
        }
    }

    /* A path or a body with SQLite's UUIDs, as the server on PostgreSQL is to be asked. */
    forPostgres(value) {
        if (value === undefined) return undefined;
        return JSON.parse(JSON.stringify(value).replace(BY_CHANCE, (uuid) => this.#ofPostgres.get(uuid) ?? uuid));
    }
}

/* Asks both servers and gives what the one on SQLite says, if both say the same. What is asked is in its words. */
export class Twin {
    constructor([sqlite, postgres], names) {
        for (const method of ['get', 'post', 'put', 'patch', 'delete'])
            this[method] = async (path, body) => {
                const what = `${method} ${path} ${JSON.stringify(body) ?? ''}`;
                const answers = await Promise.all([
                    sqlite[method](path, body),
                    postgres[method](names.forPostgres(path), names.forPostgres(body)),
                ]);
                const texts = answers.map((answer) => JSON.stringify(seen(answer, names.known)));
                assertSame(texts[1], texts[0], what);
                names.learn(answers[0].text, answers[1].text, what);
                return answers[0];
            };
    }
}
