// Both engines answer the same, byte for byte: every request goes to two servers, one on each, and the answers are compared. Only what
// a server makes by chance or by the clock (times, uuids, ids of requests) is left out of the comparison.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Model } from './support/model.mjs';
import { DATE, secret } from './support/objects.mjs';
import { objectsOf, Operations } from './support/operations.mjs';
import { Random, SEED } from './support/random.mjs';
import { postgresOnly, Roster } from './support/roster.mjs';
import { rawKey } from './support/struct-pim.mjs';
import { personalKey } from './support/tedee.mjs';

const STEPS = Number(process.env.ROSTER_STEPS ?? 1500);
const BY_CHANCE = /[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g;
const BY_CLOCK = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?|"servertime":\d+|\d{10}(?=[,}])/g;
const ITS_PORT = /127\.0\.0\.1:\d+/g;
const HEADERS_BY_CHANCE = /^(date|.*-id|set-cookie|content-length)$/i; // times end where their zeros begin: their length is chance too

/* What was in the world from the start keeps its uuid: it is the same in both. */
const masked = (text, known) =>
    text
        .replace(BY_CHANCE, (uuid) => (known.has(uuid) ? uuid : 'UUID'))
        .replace(BY_CLOCK, 'TIME')
        .replace(ITS_PORT, 'SERVER');

/* Long texts: only where they differ is of interest. */
function assertSame(postgres, sqlite, what) {
    let at = 0;
    while (at < sqlite.length && postgres[at] === sqlite[at]) at++;
    const around = (text) => text.slice(Math.max(0, at - 80), at + 120);
    if (postgres !== sqlite) assert.fail(`${what}\nSQLite:     ${around(sqlite)}\nPostgreSQL: ${around(postgres)}`);
}

const seen = (answer, known) => ({
    status: answer.status,
    headers: answer.headers.filter(([name]) => !HEADERS_BY_CHANCE.test(name)).map(([name, value]) => `${name}: ${masked(value, known)}`),
    text: masked(answer.text, known),
});

/* A client of two servers: what both say, if it is the same. */
class Twin {
    constructor(clients, known) {
        Object.assign(this, { clients, known });
        for (const method of ['get', 'post', 'put', 'patch', 'delete'])
            this[method] = async (...request) => {
                const answers = [];
                for (const client of this.clients) answers.push(await client[method](...request));
                const [sqlite, postgres] = answers.map((answer) => JSON.stringify(seen(answer, known)));
                assertSame(postgres, sqlite, `${method} ${request[0]}`);
                return answers[0];
            };
    }
}

const CALLERS = [
    { name: 'service key', token: secret(1), organizationId: 1, writes: true },
    { name: 'super user', token: secret(2), organizationId: 1, userId: 1, writes: true },
    { name: 'manager', token: secret(3), organizationId: 1, userId: 2, writes: true },
    { name: 'reader', token: secret(5), organizationId: 1, userId: 4, writes: false },
    { name: 'other service key', token: secret(6), organizationId: 2, writes: true },
];

/* Reads of the other APIs, of all that the random operations left behind, and requests that are refused. */
const READS = [
    ['tedee', '/api/v37/organization/1/user-groups'],
    ['tedee', '/api/v37/organization/1/user'],
    ['tedee', '/api/v37/organization/2/user-groups'],
    ['tedee', '/api/v37/organization/1/user-groups/nothing'],
    ['struct', '/v1/usergroups'],
    ['struct', '/v1/usergroups/00000000-0000-4000-8000-00000000ffff'],
    ['service', '/groups.json'],
    ['service', '/groups.json?contain[user]=1&contain[group_user]=1&contain[my_group_user]=1'],
    ['service', '/users.json'],
    ['service', '/users.json?filter[nothing]=1'],
    ['nobody', '/v1/user-groups'],
    ['service', '/v1/user-groups?page=0&size=1000&sort=name,desc&includeUsers=true'],
    ['service', '/v1/user-groups?sort=nothing'],
];

describe(`both engines, seed ${SEED}`, postgresOnly('it compares the two'), () => {
    const random = new Random(SEED);
    const model = new Model([
        { id: 1, uniqueGroupNames: true },
        { id: 2, uniqueGroupNames: false },
    ]);
    let servers, twins, known;
    const operations = new Operations({ random, model, callers: CALLERS, clientOf: (caller) => twins.get(caller.name) });
    before(async () => {
        for (let id = 1; id <= 20; id++) model.users.push({ id, organizationId: 1, superUser: id === 1, dateCreated: DATE });
        for (let id = 101; id <= 110; id++) model.users.push({ id, organizationId: 2, superUser: id === 101, dateCreated: DATE });
        for (let id = 1; id <= 60; id++) operations.addToWorld(id, id <= 40 ? 1 : 2, new Map());
        const uuidOf = ({ type, id }) => secret(id + (type === 'group' ? 100_000 : 200_000));
        const world = [
            ...objectsOf(model, CALLERS).map((object) =>
                ['group', 'user'].includes(object.type) ? { ...object, uuid: uuidOf(object) } : object,
            ),
            personalKey(1, 'a-personal-key', { userId: 1 }),
            rawKey(1, 'a-raw-key'),
        ];
        known = new Set(world.map(({ uuid }) => uuid));
        servers = [new Roster({ engine: 'sqlite' }), new Roster({ engine: 'postgres' })];
        for (const server of servers) {
            await server.import(world);
            await server.serve(['--request-log=false']);
        }
        const twin = (credential) => new Twin(servers.map((server) => server.as(credential)), known);
        twins = new Map(CALLERS.map(({ name, token }) => [name, twin(token)]));
        twins.set('tedee', twin({ personalKey: 'a-personal-key' })).set('struct', twin({ key: 'a-raw-key' }));
        twins.set('service', twins.get('service key')).set('nobody', twin(null));
    });
    after(() => Promise.all(servers.map((server) => server.stop())));

    it(`answer ${STEPS} random operations alike`, async () => {
        for (let n = 1; n <= STEPS; n++) {
            try {
                await operations.step();
            } catch (error) {
                throw new Error(`seed ${SEED}, step ${n}: ${error.message}`, { cause: error });
            }
        }
    });
    for (const [caller, path] of READS) it(`answer GET ${path} alike`, () => twins.get(caller).get(path));
    it('export alike', async () => {
        const [sqlite, postgres] = await Promise.all(servers.map((server) => server.export()));
        assertSame(masked(postgres, known), masked(sqlite, known), 'export');
    });
    it('are sound', () => Promise.all(servers.map((server) => server.check())));
});
