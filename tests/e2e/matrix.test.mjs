// The error matrix: every route of every API, asked wrongly in every way. The routes are those that `roster routes --json`
// prints, what is expected is the table in support/matrix-table.mjs, what each API asks for is in support/matrix-apis.mjs. To add
// an API add a column, its ids and its bodies; a new way to be wrong is a row and a line in FAULTS.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { APIS, FORMS, logIn as asked, PARTS, UUIDS } from './support/matrix-apis.mjs';
import { cellOf, COLUMNS, NO_ID, TABLE } from './support/matrix-table.mjs';
import { apiKey, bearer, group, membership, organization, secret, user } from './support/objects.mjs';
import { assertSuccess, jwtLogIn, learnServerKey, logIn, makeChallenge, makePerson, newToken } from './support/passbolt.mjs';
import { PassboltClient, SESSION_COOKIE, userId } from './support/passbolt.mjs';
import { listRoutes, Roster } from './support/roster.mjs';


const CSRF = 'c'.repeat(128);
const PROFILES = { passbolt: [5, 2] }; // of the APIs that have some

/* --- credentials --- */

const KINDS = ['bearer', 'api-key', 'key', 'personal-key']; // that are kept
const LOGGED_IN = ['session', 'token']; // that a log-in gives: they may do what the user may
const ALL_KINDS = [...KINDS, ...LOGGED_IN];
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

/* All kept credentials of a world, by nameOf. */
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

/* Secrets of sessions, by name; `spare` is for who logs out. Those that are `expired` do so later. */
async function makeSessions(roster, person) {
    const made = [];
    for (let i = 0; i < 4; i++) made.push(await logIn(roster, person)); // one keyring: one after the other
    const [full, spare, expired, revoked] = made.map(({ session }) => session);
    assertSuccess(await made[3].post('/auth/logout.json'));
    return { full, spare, expired, revoked, unknown: 'x'.repeat(full.length) };
}

/* The token with other claims, signed by the server's own key. */
function signAgain(roster, token, change) {
    const [header, payload] = token.split('.');
    const claims = { ...JSON.parse(Buffer.from(payload, 'base64url')), ...change };
    const signed = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
    const key = roster.query("select secret from installation_secret where name = 'jwt-rsa'");
    return `${signed}.${crypto.sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

/* --- requests --- */

const keyOf = ({ method, pattern }) => `${method} ${pattern}`;
const valueOf = (value) => (typeof value === 'function' ? value() : value); // of an id that is known only when the server runs
const idsOf = (route) => ({
    ...Object.fromEntries(Object.entries(APIS[route.api].ids).map(([kind, { own }]) => [kind, valueOf(own)])),
    name: `New ${keyOf(route)}`,
});
const suffixOf = ({ api }) => APIS[api].suffix ?? '';
const partOf = (route, part) => APIS[route.api].parts?.[keyOf(route)]?.[part] ?? PARTS[part] ?? assert.fail(`what is {${part}}?`);
const partsOf = (route) => [...route.pattern.matchAll(/\{(\w+)\}/g)].map(([, part]) => partOf(route, part));
const bareOf = (route, ids) => route.pattern.replaceAll(/\{(\w+)\}/g, (_, part) => encodeURIComponent(ids[partOf(route, part)]));
const pathOf = (route, ids) => bareOf(route, ids) + suffixOf(route);
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
    const [kind] = kindsOf(route);
    return {
        method: route.method,
        path: pathOf(route, ids),
        body: bodyOf(route, ids),
        credential: kind && nameOf(kind, 'full'),
        headers: {},
    };
}

/* The kinds of credentials that the route takes; those that its API knows. */
const kindsOf = (route) => APIS[route.api].byRoute?.[keyOf(route)] ?? APIS[route.api].kinds;
const knownKindsOf = (route) => (route.public ? [] : APIS[route.api].kinds);
const asEach = (name, kinds = ALL_KINDS) => (route) =>
    knownKindsOf(route)
        .filter((kind) => kinds.includes(kind))
        .map((kind) => ({ credential: nameOf(kind, name) }));
const asEachKept = (name) => asEach(name, KINDS);
const methodsOf = ({ pattern, api }) =>
    routes.filter((one) => one.api === api && one.pattern === pattern).map(({ method }) => method);
const withBody = (changes) => (route) => (route.body ? changes : []);
/* Of routes that want the CSRF token from who has a session. */
const inSession = (changes) => (route) =>
    !route.public && route.method !== 'GET' && kindsOf(route).includes('session') ? changes : [];
const ofRoutes = (keys, changes) => (route) => (keys.includes(keyOf(route)) ? changes : []);

/* From a route to what may be wrong: each is a change of the right request. */
const FAULTS = {
    'no credential': (route) => (route.public ? [] : [{ credential: null }]),
    'unknown credential': asEach('unknown'),
    'expired credential': asEach('expired'),
    'revoked credential': asEach('revoked', [...KINDS, 'session']), // access tokens cannot be taken back
    'credential of another kind': (route) =>
        ALL_KINDS.filter((kind) => !route.public && !APIS[route.api].kinds.includes(kind)).map((kind) => ({
            credential: nameOf(kind, 'full'),
        })),
    'no CSRF cookie': inSession([{ credential: 'session without a CSRF cookie', headers: { 'X-CSRF-Token': CSRF } }]),
    'no CSRF token': inSession([null, ''].map((token) => ({ headers: { 'X-CSRF-Token': token } }))),
    'wrong CSRF token': inSession([{ headers: { 'X-CSRF-Token': CSRF.replace('c', 'd') } }]),
    'log-in in a session': ofRoutes(['POST /auth/login'], [{ credential: nameOf('session', 'full') }]),
    'log-in with a token': ofRoutes(
        ['POST /auth/login', 'POST /auth/verify', 'POST /auth/logout'],
        ['token', 'bearer'].map((kind) => ({ credential: nameOf(kind, 'full') })),
    ),
    'right missing': (route) => (route.rights.includes('write') ? asEachKept('reader')(route) : []),
    'operation not permitted': (route) => (operationOf(route) ? asEachKept(`without ${operationOf(route)}`)(route) : []),
    'body: not JSON': withBody([{ body: '{"name":' }, { body: 'name' }]),
    'body: JSON of another kind': withBody([{ body: '7' }, { body: '"text"' }]),
    'body: null': withBody([{ body: 'null' }]),
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
    'asked for a page': (route) =>
        suffixOf(route)
            ? ['text/html', null].map((Accept) => ({ path: bareOf(route, idsOf(route)), headers: { Accept } }))
            : [],
    'unknown path': (route) => {
        const path = bareOf(route, idsOf(route));
        return [{ path: `${path}/x/y${suffixOf(route)}` }, { path: `${path}/` }];
    },
};
for (const kind of ['organization', 'group', 'user', 'key', 'token']) {
    const values = (route, fault, inBody = false) => {
        const { foreign, unknown, text, json } = APIS[route.api].ids[kind] ?? {};
        return { malformed: inBody ? json : text, foreign: foreign && [foreign], unknown }[fault] ?? [];
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

/* `expected` is a cell. */
function assertAnswer(route, request, answer, expected, profile) {
    const [, status, form] = /^(\d+) (.+)$/.exec(expected);
    assert.equal(answer.status, Number(status), answer.text);
    FORMS[route.api](answer, form, { method: request.method, profile });
    if (answer.status === 405)
        assert.deepEqual(new Set(answer.header('Allow').split(', ')), new Set([...methodsOf(route), 'OPTIONS']));
}

/* --- the worlds --- */

/* Acme (1) with a group that has members, Umbrella (2), and a deleted group; and credentials. Ada, who can log in, is an
 * administrator. */
const world = () => [
    organization(1, 'Acme'),
    organization(2, 'Umbrella'),
    user(1, 1, { uuid: userId(1), emailAddress: ada.email, displayName: 'Ada', superUser: true, publicKey: ada.publicKey }),
    user(1, 2, { displayName: 'Max' }),
    user(1, 3, { displayName: 'Mia' }),
    user(2, 12, { uuid: userId(12), displayName: 'Ulf' }),
    group(1, 1, 'Red', { uuid: UUIDS.own }),
    group(1, 9, 'Gone', { uuid: UUIDS.unknown[1] }),
    group(2, 11, 'Black', { uuid: UUIDS.foreign }),
    membership(1, 1, 1, { manager: true }),
    membership(1, 1, 2, { manager: true }),
    membership(2, 11, 12),
    ...KINDS.flatMap((kind) => Object.entries(IMPORTED).map(([name, more]) => line(kind, name, more))),
    { type: 'group', organizationId: 1, id: 9, delete: true },
];

const routes = await listRoutes();
const ada = await makePerson('ada');
let roster, credentials, exported, sessions;
const clients = new Map();

/* Sessions are sent as the profile wants it; those that end are of Ada. */
function takeSessions(profile) {
    const session = (secret) => ({ session: { [SESSION_COOKIE[profile]]: secret, csrfToken: CSRF } });
    for (const [name, secret] of Object.entries(sessions)) credentials.set(nameOf('session', name), session(secret));
    credentials.set('session without a CSRF cookie', { session: { [SESSION_COOKIE[profile]]: sessions.full } });
}

/* What is sent to log in, to this server. */
async function takeLogIn() {
    const client = new PassboltClient(roster, ada);
    const server = await learnServerKey(client);
    asked.fingerprint = ada.fingerprint;
    asked.proof = await ada.keyring.encrypt(newToken(), { to: server });
    asked.challenge = (await makeChallenge(client, server)).message; // names the server's address
}

before(async () => {
    roster = new Roster();
    await roster.import(world());
    credentials = await makeCredentials(roster);
    await roster.serve();
    sessions = await makeSessions(roster, ada);
    const { accessToken, refreshToken } = await jwtLogIn(roster, ada);
    await roster.stop();
    const hash = crypto.createHash('sha256').update(sessions.expired).digest('hex');
    roster.query(`update login set expires_at = 1 where secret_hash = ${roster.bytes(hash)}`);
    credentials.set(nameOf('token', 'full'), accessToken);
    credentials.set(nameOf('token', 'expired'), signAgain(roster, accessToken, { exp: 1_600_000_000 }));
    credentials.set(nameOf('token', 'unknown'), accessToken.replace(/\.[^.]{9}/g, '.AAAAAAAAA'));
    takeSessions(5);
    asked.refreshToken = refreshToken;
    await roster.serve();
    await takeLogIn();
    exported = await roster.export();
});
after(() => roster.stop());

/* Sends it as the credential of that name (null: none). */
function send({ method, path, body, headers, credential, undescribed }) {
    assert.ok(!credential || credentials.has(credential), `there is no ${credential}`);
    if (!clients.has(credential)) clients.set(credential, roster.as(credential && credentials.get(credential)));
    return clients.get(credential).request(method, path, { body, headers, undescribed });
}

async function restartInProfile(profile) {
    clients.clear();
    takeSessions(profile);
    await roster.restart([`--passbolt-profile=${profile}`]);
    if (profile === PROFILES.passbolt[0]) await takeLogIn(); // only right requests need it
}

describe('the table', () => {
    it('has a column for every API', () => {
        for (const { api } of routes)
            assert.ok(COLUMNS.includes(api) && APIS[api] && FORMS[api], `the matrix does not know ${api}`);
    });
    it('has a row for every fault, and a cell for every column', () => {
        const idFaults = (fault) => / \w+ (organization|group|user|key|token)$/.test(fault);
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

/* Everything that can be wrong with the route. */
function refuses(route, profile) {
    for (const row of TABLE) {
        const [fault] = row;
        const expected = cellOf(route, row, profile);
        const changes = expected.why ? [] : FAULTS[fault](route);
        if (!changes.length) continue;
        it(`${fault}: ${expected}`, async () => {
            for (const change of FAULTS[fault](route)) {
                try {
                    const request = { ...rightRequest(route), ...change };
                    assertAnswer(route, request, await send(request), expected, profile);
                } catch (error) {
                    error.message = `${JSON.stringify(change)}: ${error.message}`;
                    throw error;
                }
            }
        });
    }
}

for (const route of routes)
    describe(`${route.api}: ${keyOf(route)}`, () => refuses(route, PROFILES[route.api]?.[0]));

for (const [api, [usual, ...others]] of Object.entries(PROFILES))
    for (const profile of others)
        describe(`${api} in profile ${profile}`, () => {
            before(() => restartInProfile(profile));
            after(() => restartInProfile(usual));
            for (const route of routes.filter((one) => one.api === api))
                describe(keyOf(route), () => refuses(route, profile));
        });

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

    /* A session that ends is not the one that all others are in. */
    const nameFor = (route, kind) => {
        if (keyOf(route) === 'POST /auth/logout') return 'spare';
        return KINDS.includes(kind) && operationOf(route) ? `only ${operationOf(route)}` : 'full';
    };
    for (const { route, kind, number } of controls) {
        const as = kind ? `as ${nameOf(kind, nameFor(route, kind))}` : 'without a credential';
        it(`${keyOf(route)} ${as} succeeds`, async () => {
            const creates = operationOf(route) === 'create';
            const uuid = secret((creates ? 5000 : 1000) + number);
            const own = { ...idsOf(route), name: `New ${number}` };
            own.group = typeof own.group === 'string' ? uuid : number;
            const answer = await send({ ...rightRequest(route, own), credential: kind && nameOf(kind, nameFor(route, kind)) });
            assert.ok(answer.status < 300, `${answer.status} ${answer.text}`);
        });
    }
});

describe('what Passbolt takes in several ways', () => {
    const usual = { method: 'POST', path: '/groups.json', credential: nameOf('session', 'full') };
    const groupOf = (name) => ({ name, groups_users: [{ user_id: userId(1), is_admin: 1 }] });
    const form = (name) =>
        new URLSearchParams({ name, 'groups_users[0][user_id]': userId(1), 'groups_users[0][is_admin]': '1' }).toString();
    const undescribed = 'a form is sent: bodies are described as JSON';
    const WAYS = {
        'a form': (name) => ({
            body: form(name),
            headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
            undescribed,
        }),
        'JSON that is called text': (name) => ({
            body: JSON.stringify(groupOf(name)),
            headers: { 'Content-Type': 'text/plain' },
        }),
        'JSON without a type': (name) => ({ body: JSON.stringify(groupOf(name)), headers: { 'Content-Type': null } }),
        'a path without .json': (name) => ({
            path: '/groups',
            body: JSON.stringify(groupOf(name)),
            headers: { Accept: 'text/html;q=0.5, application/json' },
        }),
        'the CSRF token in the body': (name) => ({
            body: JSON.stringify({ ...groupOf(name), _csrfToken: CSRF }),
            headers: { 'X-CSRF-Token': null },
        }),
        'the CSRF token in a form': (name) => ({
            body: `${form(name)}&_csrfToken=${CSRF}`,
            headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'X-CSRF-Token': '' },
            undescribed,
        }),
    };
    for (const [way, request] of Object.entries(WAYS))
        it(way, async () => {
            const name = `From ${way}`;
            const made = assertSuccess(await send({ ...usual, ...request(name) }));
            assert.equal(made.name, name);
            assert.deepEqual(
                made.groups_users.map(({ user_id, is_admin }) => [user_id, is_admin]),
                [[userId(1), true]],
            );
        });
});
