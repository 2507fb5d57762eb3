// The error matrix: every route of every API, asked wrongly in every way. The routes are those that `roster routes --json`
// prints, what is expected is the table below. To add an API add a column, its ids and its bodies; a new way to be wrong is a row
// and a line in FAULTS.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { assertBytes, assertError, GROUPS } from './support/bold.mjs';
import { apiKey, bearer, group, membership, organization, secret, user } from './support/objects.mjs';
import { listRoutes, Roster } from './support/roster.mjs';

/* A cell of the table that is not asked, and why. */
const none = (why) => ({ why });
const OPEN = none('no credential is asked for');
const NO_ID = none('none of its routes has that there');
const NO_BODY = none('none of its routes reads a body');
const ANY_TYPE = none('it reads a body whatever its type is called');
const LIST_OR_CREATE = { GET: '200 nothing', POST: '404 OrganizationNotFound' };
const FREE_OR_GONE = { POST: none('a client chooses the Uid, among those of its organization'), PUT: '404 problem' };

/* Status and form of the body (FORMS, below); where it differs from method to method, by method. */
// prettier-ignore
const TABLE = [
    // what is wrong                  Bold                                Tedee           Struct PIM     system
    ['no credential',                  '401 Unauthorized',                 '401 envelope', '401 empty',   OPEN],
    ['unknown credential',             '401 Unauthorized',                 '401 envelope', '401 empty',   OPEN],
    ['expired credential',             '401 Unauthorized',                 '401 envelope', '401 empty',   OPEN],
    ['revoked credential',             '401 Unauthorized',                 '401 envelope', '401 empty',   OPEN],
    ['credential of another kind',     '401 Unauthorized',                 '401 envelope', '401 empty',   OPEN],
    ['right missing',                  '403 Forbidden',                    '403 envelope', '403 problem', OPEN],
    ['operation not permitted',        '403 Forbidden',                    '403 envelope', '403 problem', OPEN],
    ['path: malformed organization',   NO_ID,                              '400 envelope', NO_ID,         NO_ID],
    ['path: foreign organization',     NO_ID,                              '404 envelope', NO_ID,         NO_ID],
    ['path: unknown organization',     NO_ID,                              '404 envelope', NO_ID,         NO_ID],
    ['path: malformed group',          '404 UserGroupNotFound',            '400 envelope', '400 errors',  NO_ID],
    ['path: foreign group',            '404 UserGroupNotFound',            '404 envelope', '404 problem', NO_ID],
    ['path: unknown group',            '404 UserGroupNotFound',            '404 envelope', '404 problem', NO_ID],
    ['path: malformed user',           '400 InvalidInput',                 NO_ID,          NO_ID,         NO_ID],
    ['path: foreign user',             '400 GroupAndUserNotInSameAccount', NO_ID,          NO_ID,         NO_ID],
    ['path: unknown user',             '400 GroupAndUserNotInSameAccount', NO_ID,          NO_ID,         NO_ID],
    ['query: malformed organization',  '400 InvalidInput',                 NO_ID,          NO_ID,         NO_ID],
    ['query: foreign organization',    LIST_OR_CREATE,                     NO_ID,          NO_ID,         NO_ID],
    ['query: unknown organization',    LIST_OR_CREATE,                     NO_ID,          NO_ID,         NO_ID],
    ['query: malformed user',          '400 InvalidInput',                 NO_ID,          NO_ID,         NO_ID],
    ['query: foreign user',            '200 nothing',                      NO_ID,          NO_ID,         NO_ID],
    ['query: unknown user',            '200 nothing',                      NO_ID,          NO_ID,         NO_ID],
    ['body: malformed user',           '400 InvalidInput',                 '400 envelope', NO_ID,         NO_ID],
    ['body: foreign user',             '400 GroupAndUserNotInSameAccount', '207 not done', NO_ID,         NO_ID],
    ['body: unknown user',             '400 GroupAndUserNotInSameAccount', '207 not done', NO_ID,         NO_ID],
    ['body: malformed group',          NO_ID,                              NO_ID,          '400 errors',  NO_ID],
    ['body: foreign group',            NO_ID,                              NO_ID,          FREE_OR_GONE,  NO_ID],
    ['body: unknown group',            NO_ID,                              NO_ID,          FREE_OR_GONE,  NO_ID],
    ['body: not JSON',                 '400 InvalidInput',                 '400 envelope', '400 errors',  NO_BODY],
    ['body: JSON of another kind',     '400 InvalidInput',                 '400 envelope', '400 errors',  NO_BODY],
    ['body: none',                     '400 InvalidInput',                 '400 envelope', '400 errors',  NO_BODY],
    ['wrong content type',             ANY_TYPE,                           '415 envelope', '415 problem', NO_BODY],
    ['no content type',                ANY_TYPE,                           '415 envelope', '415 problem', NO_BODY],
    ['wrong method',                   '405 MethodNotAllowed',             '405 envelope', '405 problem', '405 MethodNotAllowed'],
    ['unknown path',                   '404 NotFound',                     '404 envelope', '404 problem', '404 NotFound'],
];
const COLUMNS = ['bold', 'tedee', 'struct-pim', 'system'];

/* The ids of Acme, of Umbrella, of nobody (the last group was deleted), and what is none: as text, and as JSON. */
const NUMBERS = {
    organization: { own: 1, foreign: 2, unknown: [4711], text: ['one', '1x'] },
    group: { own: 1, foreign: 11, unknown: [4711, 9], text: ['abc', '0', '-1', '1.5'] },
    user: { own: 2, foreign: 12, unknown: [4711], text: ['abc', '1.5'], json: ['2', 1.5, 0, null, {}] },
};
const UUIDS = {
    own: secret(1001),
    foreign: secret(1011),
    unknown: [secret(4711), secret(1009)],
    text: ['1', `${secret(1001)}0`],
    json: ['x', 7],
};

/* What each API asks for: the kinds of credentials, ids, and for the routes that need one a body and a query, made of ids. */
const APIS = {
    'bold': {
        kinds: ['bearer', 'api-key'],
        ids: NUMBERS,
        bodies: {
            [`POST ${GROUPS}`]: ({ name }) => ({ name }),
            [`PUT ${GROUPS}/{id}`]: ({ name }) => ({ name }),
            [`POST ${GROUPS}/{id}/users`]: ({ user }) => [{ userId: user }],
            [`DELETE ${GROUPS}/{id}/users`]: ({ user }) => [user],
        },
        queries: {
            [`GET ${GROUPS}`]: { organization: 'organizationId', user: 'userId' },
            [`POST ${GROUPS}`]: { organization: 'organizationId' },
        },
    },
    'tedee': {
        kinds: ['bearer', 'personal-key'],
        ids: { ...NUMBERS, group: UUIDS },
        bodies: {
            'POST /api/v37/organization/{organizationId}/user-groups': ({ name }) => ({ name }),
            'PATCH /api/v37/organization/{organizationId}/user-groups/{groupId}': ({ name }) => ({ name }),
            'POST /api/v37/organization/{organizationId}/user-groups/{groupId}/members': ({ user }) => ({
                organizationUserIds: [user],
            }),
            'DELETE /api/v37/organization/{organizationId}/user-groups/{groupId}/members': ({ user }) => ({
                organizationUserIds: [user],
            }),
        },
    },
    'struct-pim': {
        kinds: ['key'],
        ids: { group: UUIDS },
        bodies: {
            'POST /v1/usergroups': ({ group, name }) => ({ Uid: group, Name: name }),
            'PUT /v1/usergroups': ({ group, name }) => ({ Uid: group, Name: name }),
        },
    },
    'system': { kinds: [], ids: {} },
};

/* What the parts of paths are the ids of. */
const PARTS = { organizationId: 'organization', id: 'group', groupId: 'group', uid: 'group', userId: 'user' };

/* --- forms of bodies --- */

const boldForm = (answer, form) => (form === 'nothing' ? assertBytes(answer, '[]') : assertError(answer, form));

function tedeeForm(answer, form) {
    const [text] = answer.json.errorMessages ?? [];
    const [done] = answer.json.organizationUsers ?? [];
    const expected = {
        'envelope': { success: false, errorMessages: [text], statusCode: answer.status },
        'not done': {
            organizationUsers: [
                {
                    organizationUserId: done?.organizationUserId,
                    success: false,
                    error: { code: 1000, message: done?.error?.message },
                },
            ],
        },
    };
    assert.equal(answer.text, JSON.stringify(expected[form]));
}

function structForm(answer, form) {
    if (form === 'empty') return assert.equal(answer.text, '');
    const members = ['Type', 'Title', 'Status', 'Detail', 'Instance', ...(form === 'errors' ? ['errors'] : [])];
    assert.deepEqual(Object.keys(answer.json), members);
    assert.equal(answer.json.Status, answer.status);
}

function systemForm(answer, code) {
    const { message } = answer.json;
    assert.equal(answer.text, JSON.stringify({ message, code, errorMessage: message, errorCode: code }));
}

const FORMS = { 'bold': boldForm, 'tedee': tedeeForm, 'struct-pim': structForm, 'system': systemForm };

/* `expected` is a cell. */
function assertAnswer(route, answer, expected) {
    const [, status, form] = /^(\d+) (.+)$/.exec(expected);
    assert.equal(answer.status, Number(status), answer.text);
    FORMS[route.api](answer, form);
    if (answer.status === 405)
        assert.deepEqual(new Set(answer.header('Allow').split(', ')), new Set([...methodsOf(route), 'OPTIONS']));
}

/* --- credentials --- */

const KINDS = ['bearer', 'api-key', 'key', 'personal-key'];
const OPERATIONS = ['list', 'get', 'create', 'update', 'delete'];

/* As client.mjs sends them. */
const credentialOf = (kind, secret, keyId) =>
    ({ 'bearer': secret, 'api-key': { keyId, secret }, 'key': { key: secret }, 'personal-key': { personalKey: secret } })[kind];

/* Those that a directory file can bring, by name: their lines differ in this. */
const IMPORTED = {
    full: {},
    reader: { rights: ['read'] },
    expired: { expiresAt: '2020-01-01T00:00:00Z' },
    ...Object.fromEntries(OPERATIONS.map((operation) => [`only ${operation}`, { permits: [operation] }])),
};
const nameOf = (kind, name) => `${name} ${kind}`;
const line = (kind, name, more) =>
    kind === 'api-key'
        ? apiKey(1, nameOf(kind, name), nameOf(kind, name), more)
        : bearer(1, nameOf(kind, name), { kind, ...more });

/* All credentials of a world, by nameOf. */
async function makeCredentials(roster) {
    const made = new Map();
    for (const kind of KINDS) {
        for (const name of [...Object.keys(IMPORTED), 'unknown'])
            made.set(nameOf(kind, name), credentialOf(kind, nameOf(kind, name), nameOf(kind, name)));
        const create = async (name, ...flags) => {
            const { id, keyId, secret } = await roster.createToken('--organization', '1', '--kind', kind, ...flags);
            made.set(nameOf(kind, name), credentialOf(kind, secret, keyId));
            return id;
        };
        for (const operation of OPERATIONS)
            await create(`without ${operation}`, '--permit', OPERATIONS.filter((one) => one !== operation).join(','));
        await roster.command('token', 'revoke', String(await create('revoked', '--rights', 'read,write')));
    }
    return made;
}

/* --- requests --- */

const keyOf = ({ method, pattern }) => `${method} ${pattern}`;
const idsOf = (route) => ({
    ...Object.fromEntries(Object.entries(APIS[route.api].ids).map(([kind, { own }]) => [kind, own])),
    name: `New ${keyOf(route)}`,
});
const partsOf = ({ pattern }) =>
    [...pattern.matchAll(/\{(\w+)\}/g)].map(([, part]) => PARTS[part] ?? assert.fail(`what is {${part}}?`));
const pathOf = ({ pattern }, ids) => pattern.replaceAll(/\{(\w+)\}/g, (_, part) => encodeURIComponent(ids[PARTS[part]]));
const operationOf = ({ rights }) => OPERATIONS.find((operation) => rights.includes(operation));

function bodyOf(route, ids) {
    if (!route.body) return undefined;
    const make = APIS[route.api].bodies[keyOf(route)] ?? assert.fail(`${keyOf(route)} reads a body: give it one in APIS`);
    return JSON.stringify(make(ids));
}

/* The kinds of ids that the route's body has. */
function kindsInBody(route) {
    const kinds = Object.keys(APIS[route.api].ids);
    return kinds.filter((kind) => bodyOf(route, { ...idsOf(route), [kind]: 'a mark' })?.includes('a mark'));
}

/* What is right in every respect: the faults each change one thing of it. */
function rightRequest(route, ids = idsOf(route)) {
    const [kind] = APIS[route.api].kinds;
    return {
        method: route.method,
        path: pathOf(route, ids),
        body: bodyOf(route, ids),
        credential: kind && nameOf(kind, 'full'),
        headers: {},
    };
}

const kindsOf = (route) => APIS[route.api].kinds;
const asEach = (name) => (route) => kindsOf(route).map((kind) => ({ credential: nameOf(kind, name) }));
const methodsOf = ({ pattern, api }) =>
    routes.filter((one) => one.api === api && one.pattern === pattern).map(({ method }) => method);
const withBody = (changes) => (route) => (route.body ? changes : []);

/* From a route to what may be wrong: each is a change of the right request. */
const FAULTS = {
    'no credential': () => [{ credential: null }],
    'unknown credential': asEach('unknown'),
    'expired credential': asEach('expired'),
    'revoked credential': asEach('revoked'),
    'credential of another kind': (route) =>
        KINDS.filter((kind) => !kindsOf(route).includes(kind)).map((kind) => ({ credential: nameOf(kind, 'full') })),
    'right missing': (route) => (route.rights.includes('write') ? asEach('reader')(route) : []),
    'operation not permitted': (route) => asEach(`without ${operationOf(route)}`)(route),
    'body: not JSON': withBody([{ body: '{"name":' }, { body: 'name' }]),
    'body: JSON of another kind': withBody([{ body: '7' }, { body: '"text"' }, { body: 'null' }]),
    'body: none': withBody([{ body: undefined }, { body: '' }]),
    'wrong content type': withBody(
        ['text/plain', 'application/xml', 'application/x-www-form-urlencoded'].map((type) => ({
            headers: { 'Content-Type': type },
        })),
    ),
    'no content type': withBody([{ headers: { 'Content-Type': null } }]),
    'wrong method': (route) =>
        ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE']
            .filter((method) => !methodsOf(route).includes(method))
            .map((method) => ({ method, body: undefined })),
    'unknown path': (route) => [{ path: `${rightRequest(route).path}/x/y` }, { path: `${rightRequest(route).path}/` }],
};
for (const kind of ['organization', 'group', 'user']) {
    const values = (route, fault, inBody = false) => {
        const { foreign, unknown, text, json } = APIS[route.api].ids[kind] ?? {};
        return { malformed: inBody ? json : text, foreign: [foreign], unknown }[fault];
    };
    for (const fault of ['malformed', 'foreign', 'unknown']) {
        FAULTS[`path: ${fault} ${kind}`] = (route) =>
            partsOf(route).includes(kind)
                ? values(route, fault).map((value) => ({ path: pathOf(route, { ...idsOf(route), [kind]: value }) }))
                : [];
        FAULTS[`query: ${fault} ${kind}`] = (route) => {
            const name = APIS[route.api].queries?.[keyOf(route)]?.[kind];
            return name ? values(route, fault).map((value) => ({ path: `${rightRequest(route).path}?${name}=${value}` })) : [];
        };
        FAULTS[`body: ${fault} ${kind}`] = (route) =>
            kindsInBody(route).includes(kind)
                ? values(route, fault, true).map((value) => ({ body: bodyOf(route, { ...idsOf(route), [kind]: value }) }))
                : [];
    }
}

/* What the table expects of a route: a text, or { why }. */
function cellOf(route, row) {
    const cell = row[1 + COLUMNS.indexOf(route.api)];
    return typeof cell === 'string' || cell.why ? cell : (cell[route.method] ?? NO_ID);
}

/* --- the worlds --- */

/* Acme (1) with a group that has members, Umbrella (2), and a deleted group; and credentials. */
const world = () => [
    organization(1, 'Acme'),
    organization(2, 'Umbrella'),
    user(1, 2, { displayName: 'Max' }),
    user(1, 3, { displayName: 'Mia' }),
    user(2, 12, { displayName: 'Ulf' }),
    group(1, 1, 'Red', { uuid: UUIDS.own }),
    group(1, 9, 'Gone', { uuid: UUIDS.unknown[1] }),
    group(2, 11, 'Black', { uuid: UUIDS.foreign }),
    membership(1, 1, 2, { manager: true }),
    membership(2, 11, 12),
    ...KINDS.flatMap((kind) => Object.entries(IMPORTED).map(([name, more]) => line(kind, name, more))),
    { type: 'group', organizationId: 1, id: 9, delete: true },
];

const routes = await listRoutes();
let roster, credentials, exported;
const clients = new Map();

before(async () => {
    roster = new Roster();
    await roster.import(world());
    credentials = await makeCredentials(roster);
    await roster.serve();
    exported = await roster.export();
});
after(() => roster.stop());

/* Sends it as the credential of that name (null: none). */
function send({ method, path, body, headers, credential }) {
    if (!clients.has(credential)) clients.set(credential, roster.as(credential && credentials.get(credential)));
    return clients.get(credential).request(method, path, { body, headers });
}

describe('the table', () => {
    it('has a column for every API', () => {
        for (const { api } of routes)
            assert.ok(COLUMNS.includes(api) && APIS[api] && FORMS[api], `the matrix does not know ${api}`);
    });
    it('has a row for every fault, and a cell for every column', () => {
        const idFaults = (fault) => NUMBERS[fault.split(' ').at(-1)];
        const rows = TABLE.map(([fault]) => fault);
        for (const fault of rows) assert.ok(FAULTS[fault], `there is no fault "${fault}"`);
        for (const fault of Object.keys(FAULTS)) {
            const asked = routes.some((route) => FAULTS[fault](route).length);
            assert.ok(rows.includes(fault) || (idFaults(fault) && !asked), `"${fault}" has no row`);
        }
        for (const row of TABLE) assert.equal(row.length, 1 + COLUMNS.length, row[0]);
    });
    for (const api of new Set(routes.map(({ api }) => api))) {
        it(`expects of ${api} what can be asked, and of what cannot be says why`, () => {
            for (const row of TABLE) {
                const cells = routes
                    .filter((route) => route.api === api)
                    .map((route) => [cellOf(route, row), FAULTS[row[0]](route).length]);
                const asked = cells.filter(([cell, count]) => !cell.why && count);
                assert.ok(asked.length || cells.every(([cell]) => cell.why), `${row[0]} of ${api} is never asked`);
                const unasked = cells.filter(([cell, count]) => cell === NO_ID && count);
                assert.equal(unasked.length, 0, `${row[0]} of ${api} can be asked`);
            }
        });
    }
});

for (const route of routes) {
    describe(`${route.api}: ${keyOf(route)}`, () => {
        for (const row of TABLE) {
            const [fault] = row;
            const expected = cellOf(route, row);
            const changes = expected.why ? [] : FAULTS[fault](route);
            if (!changes.length) continue;
            it(`${fault}: ${expected}`, async () => {
                for (const change of changes) {
                    try {
                        assertAnswer(route, await send({ ...rightRequest(route), ...change }), expected);
                    } catch (error) {
                        error.message = `${JSON.stringify(change)}: ${error.message}`;
                        throw error;
                    }
                }
            });
        }
    });
}

describe('after all this', () => {
    it('the directory is as before', async () => {
        await roster.assertExportIs(exported);
        await roster.check();
    });
});

describe('the right requests', () => {
    /* Each request that succeeds has a group of its own, so that none stands in another's way. */
    const controls = routes.flatMap((route) =>
        [...kindsOf(route), ...(route.public ? [null] : [])].map((kind, i) => ({
            route,
            kind,
            number: 100 + 10 * routes.indexOf(route) + i,
        })),
    );
    before(() =>
        roster.import(controls.map(({ number }) => group(1, number, `Control ${number}`, { uuid: secret(1000 + number) }))),
    );

    for (const { route, kind, number } of controls) {
        const as = kind ? `with a credential of kind ${kind} that may ${operationOf(route)} only` : 'without a credential';
        it(`${keyOf(route)} ${as} succeeds`, async () => {
            const creates = operationOf(route) === 'create';
            const uuid = secret((creates ? 5000 : 1000) + number);
            const own = { ...idsOf(route), group: APIS[route.api].ids.group === UUIDS ? uuid : number, name: `New ${number}` };
            const answer = await send({
                ...rightRequest(route, own),
                credential: kind && nameOf(kind, `only ${operationOf(route)}`),
            });
            assert.ok(answer.status < 300, `${answer.status} ${answer.text}`);
        });
    }
});
