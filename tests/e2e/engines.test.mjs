// Both engines answer the same, byte for byte: every request goes to two servers, one on each, and the answers are compared
// (support/twin.mjs). First Bold's, whose answers are known (support/model.mjs), then those of the other APIs, good and bad. In the
// end the exports and the change logs are compared.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Model } from './support/model.mjs';
import { DATE, secret } from './support/objects.mjs';
import { objectsOf, Operations } from './support/operations.mjs';
import { withCredential } from './support/passbolt.mjs';
import { Random, SEED } from './support/random.mjs';
import { Requests } from './support/requests.mjs';
import { postgresOnly, Roster } from './support/roster.mjs';
import { rawKey } from './support/struct-pim.mjs';
import { personalKey } from './support/tedee.mjs';
import { assertSame, masked, Names, Twin } from './support/twin.mjs';

const STEPS = Number(process.env.ROSTER_STEPS ?? 1500);
const CALLERS = [
    { name: 'service key', token: secret(1), organizationId: 1, writes: true },
    { name: 'super user', token: secret(2), organizationId: 1, userId: 1, writes: true },
    { name: 'manager', token: secret(3), organizationId: 1, userId: 2, writes: true },
    { name: 'reader', token: secret(5), organizationId: 1, userId: 4, writes: false },
    { name: 'other service key', token: secret(6), organizationId: 2, writes: true },
];

/* The same callers in the other APIs: with the same tokens in Passbolt's, with keys in Tedee's and Struct PIM's. */
const KEYS = CALLERS.flatMap(({ name, organizationId, userId, writes }) => {
    const more = { userId, rights: writes ? ['read', 'write'] : ['read'], name: `key of the ${name}` };
    return [personalKey(organizationId, `tedee ${name}`, more), rawKey(organizationId, `struct ${name}`, more)];
});

/* Who asks there at random: mostly who may do most. */
const ASKING = ['service key', 'service key', 'super user', 'super user', 'super user', 'manager', 'reader', 'other service key'];

/* The UUIDs of users and groups that are there from the start. */
const uuidOf = ({ type, id }) => secret(id + (type === 'group' ? 100_000 : 200_000));

/* Reads of all that is there: who, path. */
const READS = [
    ['tedee super user', '/api/v37/organization'],
    ['tedee super user', '/api/v37/organization/1/user-groups'],
    ['tedee super user', '/api/v37/organization/1/user'],
    ['struct service key', '/v1/usergroups'],
    ['passbolt service key', '/groups.json'],
    ['passbolt service key', '/groups.json?contain[user]=1&contain[group_user]=1&contain[my_group_user]=1'],
    ['passbolt super user', '/users.json'],
    ['passbolt super user', '/users.json?filter[nothing]=1'],
    ['service key', '/v1/user-groups?size=100&sortBy=name&sortDirection=desc&includeUsers=true'],
];

/* Requests that are refused: status, who, method, path, body. */
const BOLD = '/v1/user-groups',
    TEDEE = '/api/v37/organization/1/user-groups',
    STRUCT = '/v1/usergroups';
const REFUSED = [
    [401, 'nobody', 'get', BOLD],
    [401, 'nobody', 'get', TEDEE],
    [401, 'nobody', 'get', STRUCT],
    [401, 'passbolt nobody', 'get', '/groups.json'],
    [400, 'service key', 'get', `${BOLD}?size=many`],
    [400, 'service key', 'post', BOLD, { name: '' }],
    [400, 'service key', 'post', BOLD, { name: 7 }],
    [403, 'reader', 'post', BOLD, { name: 'new' }],
    [403, 'manager', 'post', BOLD, { name: 'new' }],
    [404, 'service key', 'get', `${BOLD}/4711`],
    [404, 'other service key', 'delete', `${BOLD}/1`],
    [404, 'service key', 'post', `${BOLD}/4711/users/1`],
    [405, 'service key', 'patch', `${BOLD}/1`, {}],
    [400, 'tedee service key', 'get', `${TEDEE}?page=0`],
    [400, 'tedee service key', 'post', TEDEE, { name: ' ' }],
    [403, 'tedee reader', 'post', TEDEE, { name: 'new' }],
    [404, 'tedee service key', 'get', '/api/v37/organization/2/user-groups'],
    [404, 'tedee service key', 'get', `${TEDEE}/${secret(4711)}`],
    [404, 'tedee service key', 'patch', `${TEDEE}/${secret(4711)}`, { name: 'new' }],
    [400, 'struct service key', 'post', STRUCT, { Uid: 'nothing', Name: 'new' }],
    [400, 'struct service key', 'put', STRUCT, { Name: 'new' }],
    [403, 'struct reader', 'post', STRUCT, { Name: 'new' }],
    [404, 'struct service key', 'get', `${STRUCT}/${secret(4711)}`],
    [404, 'struct service key', 'delete', `${STRUCT}/${secret(4711)}`],
    [400, 'passbolt super user', 'get', '/groups.json?filter[has-users]=nobody'],
    [400, 'passbolt super user', 'get', '/groups/nothing.json'],
    [400, 'passbolt super user', 'post', '/groups.json', { name: 'new' }],
    [403, 'passbolt manager', 'post', '/groups.json', { name: 'new' }],
    [404, 'passbolt super user', 'get', `/groups/${secret(4711)}.json`],
    [404, 'passbolt super user', 'delete', `/groups/${secret(4711)}.json`],
];

/* A change and the commit it is part of, but for what is chance or internal to an engine. */
const LOG = `select organization_id, version, position, kind, credential_id, user_id, group_id, subject_id, object_id, detail
             from change order by organization_id, version, position`;

describe(`both engines, seed ${SEED}`, postgresOnly('it compares the two'), () => {
    const random = new Random(SEED);
    const model = new Model([
        { id: 1, uniqueGroupNames: true },
        { id: 2, uniqueGroupNames: false },
    ]);
    let servers, twins, names, known;
    const operations = new Operations({ random, model, callers: CALLERS, clientOf: (caller) => twins.get(caller.name) });
    before(async () => {
        for (let id = 1; id <= 20; id++) model.users.push({ id, organizationId: 1, superUser: id === 1, dateCreated: DATE });
        for (let id = 101; id <= 110; id++) model.users.push({ id, organizationId: 2, superUser: id === 101, dateCreated: DATE });
        for (let id = 1; id <= 60; id++) operations.addToWorld(id, id <= 40 ? 1 : 2, new Map());
        const world = [
            ...objectsOf(model, CALLERS).map((object) =>
                ['group', 'user'].includes(object.type) ? { ...object, uuid: uuidOf(object) } : object,
            ),
            ...KEYS,
        ];
        known = new Set(world.map(({ uuid }) => uuid));
        servers = [new Roster({ engine: 'sqlite' }), new Roster({ engine: 'postgres' })];
        for (const server of servers) {
            await server.import(world);
            await server.serve(['--request-log=false']);
        }
        names = new Names(known);
        twins = new Map([['nobody', twin((server) => server.as(null))]]);
        for (const { name, token } of CALLERS)
            twins
                .set(name, twin((server) => server.as(token)))
                .set(`passbolt ${name}`, twin((server) => withCredential(server, token)));
        twins.set('passbolt nobody', twin((server) => withCredential(server, null)));
        for (const { kind, secret: key } of KEYS)
            twins.set(key, twin((server) => server.as(kind === 'key' ? { key } : { personalKey: key })));
    });
    const twin = (connect) => new Twin(servers.map(connect), names);
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
    it(`answer ${STEPS} random requests of the other APIs alike`, async (t) => {
        const twinsOf = (api) => ASKING.map((who) => twins.get(`${api} ${who}`));
        const groupsOf = async (who) => (await twins.get(`struct ${who}`).get(STRUCT)).json.map(({ Uid }) => Uid);
        const requests = new Requests({
            random,
            clients: { tedee: twinsOf('tedee'), struct: twinsOf('struct'), passbolt: twinsOf('passbolt') },
            name: () => operations.randomName(),
            groups: [...(await groupsOf('service key')), ...(await groupsOf('other service key')).slice(0, 3)],
            // All of the organization, and one of the other.
            users: model.users.slice(0, 21).map(({ id }) => ({ id, uuid: uuidOf({ type: 'user', id }) })),
        });
        for (let n = 1; n <= STEPS; n++) {
            try {
                await requests.step();
            } catch (error) {
                throw new Error(`seed ${SEED}, request ${n}: ${error.message}`, { cause: error });
            }
        }
        t.diagnostic(JSON.stringify(requests.counts));
        for (const api of ['tedee', 'struct', 'passbolt'])
            for (const what of ['done', 'refused'])
                assert.ok(requests.counts[`${api} ${what}`] > STEPS / 100, `hardly a write of ${api} was ${what}`);
    });
    for (const [caller, path] of READS)
        it(`answer the ${caller}'s GET ${path} alike`, async () => assert.equal((await twins.get(caller).get(path)).status, 200));
    for (const [status, caller, method, path, body] of REFUSED)
        it(`refuse the ${caller}'s ${method} ${path} alike, ${status}`, async () =>
            assert.equal((await twins.get(caller)[method](path, body)).status, status));
    it('export alike', async () => {
        const [sqlite, postgres] = await Promise.all(servers.map((server) => server.export()));
        assertSame(masked(postgres, known), masked(sqlite, known), 'export');
    });
    it('log alike', () => {
        const [sqlite, postgres] = servers.map((server) => masked(server.query(LOG), known));
        assert.ok(sqlite.split('\n').length > STEPS / 4);
        assertSame(postgres, sqlite, 'change log');
    });
    it('are sound', () => Promise.all(servers.map((server) => server.check())));
});
