// Which groups Passbolt's API answers, how they are asked for, and what the answers look like from outside, in both profiles:
// docs/passbolt.md 2.1 to 2.3, 2.5 and 2.8. What a group is made of is in passbolt-objects.test.mjs. Who asks has a bearer
// credential, except where it matters how.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { group, membership, smallWorld, TOKEN } from './support/objects.mjs';
import {
    ACTION,
    assertError,
    assertSuccess,
    groupId,
    logIn,
    makePeople,
    PassboltClient,
    passboltWorld,
    servePassbolt,
    userId,
    withCredential,
} from './support/passbolt.mjs';
import { Roster } from './support/roster.mjs';

/* Names with their JSON: written down, not computed. */
const NAMES = [
    ['R&D', '"R\\u0026D"'],
    [`<b>"O'Reilly"</b>`, '"\\u003Cb\\u003E\\u0022O\\u0027Reilly\\u0022\\u003C\\/b\\u003E"'],
    ['a/b\\c', '"a\\/b\\\\c"'],
    ['\u00e9\u00df \u6771\u4eac', '"\\u00e9\\u00df \\u6771\\u4eac"'],
    ['e\u0301', '"e\\u0301"'], // as it was written: not brought into another form
    ['\u{1f469}\u200d\u{1f680} crew', '"\\ud83d\\udc69\\u200d\\ud83d\\ude80 crew"'],
    ['one\u2028two\u2029three', '"one\\u2028two\\u2029three"'],
    ['\ufeff\uffee \u{10fffd}', '"\\ufeff\\uffee \\udbff\\udffd"'],
    [' blanks around ', '" blanks around "'],
    ['sixteen letters! & sixteen more, plain', '"sixteen letters! \\u0026 sixteen more, plain"'],
];

const people = await makePeople(['mia']);

/* The small world; a group for each of NAMES; one that is deleted, and one whose id is of a version that clients do not take. */
const VERSION_7 = '01890a5d-ac96-774b-bcce-b302099a8057';
const world = [
    ...passboltWorld(people),
    ...NAMES.map(([name], i) => group(1, 100 + i, name, { uuid: groupId(100 + i) })),
    group(1, 50, 'Gone', { uuid: groupId(50) }),
    group(1, 51, 'Of today', { uuid: VERSION_7 }),
    membership(1, 51, 4, { manager: true }),
];

/* A client with somebody's bearer credential. */
const as = (roster, name) => withCredential(roster, TOKEN[name]);

const rosters = { 5: new Roster(), 2: new Roster() };

before(async () => {
    for (const profile of [5, 2]) {
        const roster = await servePassbolt(world, profile, [], rosters[profile]);
        const ada = as(roster, 'ada');
        assertSuccess(await ada.delete(`/groups/${groupId(50)}.json`));
    }
});
after(() => Promise.all(Object.values(rosters).map((roster) => roster.stop())));

const encode = (query) => query.replaceAll('[', '%5B').replaceAll(']', '%5D').replaceAll(' ', '+');

/* The groups that a query gives. */
async function list(profile, query, who = 'mia') {
    return assertSuccess(await as(rosters[profile], who).get(`/groups.json?${encode(query)}`), {
        action: ACTION.list,
        message: 'The operation was successful.',
        title: 'app_groups_index_success',
    });
}

const refuse = async (profile, path, message) =>
    assert.equal(assertError(await as(rosters[profile], 'mia').get(path), 400, message), '');

// --- which groups ---

describe('which groups', () => {
    const all = ['Red', 'Green', 'Blue', 'Of today', ...NAMES.map(([name]) => name)];

    for (const profile of [5, 2])
        for (const who of ['ada', 'max', 'nils'])
            it(`all that are not deleted, for ${who} in profile ${profile}`, async () => {
                assert.deepEqual((await list(profile, '', who)).map(({ name }) => name).sort(), [...all].sort());
            });
    it('there are no pages', async () => {
        const answer = await as(rosters[5], 'mia').get('/groups.json?limit=1&page=2');
        assert.equal(answer.json.body.length, all.length);
        assert.equal('pagination' in answer.json.header, false);
    });

    const [ada, max, mia, nils, ines] = [1, 2, 3, 4, 5].map(userId);
    const umbrella = '00000000-0000-4000-8000-000000000000';
    const FILTERS = [
        [`filter[has-users]=${max}`, ['Green', 'Red']],
        [`filter[has-users]=${max.toUpperCase()}`, ['Green', 'Red']],
        [`filter[has-users]=${max},${mia}`, ['Green', 'Red']],
        [`filter[has-users][]=${max}&filter[has-users][]=${mia}`, ['Green', 'Red']],
        [`filter[has-users]=${max},${nils}`, []],
        [`filter[has-users][]=${max}&filter[has-users][]=${ines}`, []],
        [`filter[has-users]=${ines}`, ['Blue']],
        [`filter[has-users]=${ada}`, []],
        [`filter[has-users]=${umbrella}`, []],
        [`filter[has-managers]=${max}`, ['Red']],
        [`filter[has-managers]=${mia}`, []],
        [`filter[has-managers][]=${max}&filter[has-managers][]=${mia}`, []],
        [`filter[has-manager]=${max}`, ['Red']],
        [`filter[has-users]=${mia}&filter[has-managers]=${max}`, ['Red']],
        [`filter[has-users]=${nils}&filter[has-managers]=${max}`, []],
        [`filter[has_users]=${nils}`, all],
        [`filter[has_users]=nonsense`, all],
        [`has-users=${nils}`, all],
    ];
    for (const profile of [5, 2])
        for (const [query, expected] of FILTERS)
            it(`${query.replaceAll(/c1d2e3f4-0a1b-4c2d-8e3f-0+/gi, '')} in profile ${profile}`, async () => {
                assert.deepEqual((await list(profile, query)).map(({ name }) => name).sort(), [...expected].sort());
            });

    const REFUSED = [
        ['filter[has-users]=nonsense', 'Invalid filter. "nonsense" is not a valid user id for filter has-users.'],
        ['filter[has-managers]=12', 'Invalid filter. "12" is not a valid user id for filter has-managers.'],
        [`filter[has-users]=${VERSION_7}`, `Invalid filter. "${VERSION_7}" is not a valid user id for filter has-users.`],
        [`filter[has-users]=${max},x`, 'Invalid filter. "x" is not a valid user id for filter has-users.'],
        [`filter[has-users][]=${max}&filter[has-users][]=`, 'Invalid filter. "1" is not a valid user filter.'],
        ['filter[has-users]=', 'Invalid filter. "0" is not a valid user filter.'],
    ];
    const NO_ARRAY = {
        5: ['The filter parameter should be an array.', 'The contain parameter should be an array.'],
        2: ['Filter should be an array.', 'Contain should be an array.'],
    };
    for (const profile of [5, 2]) {
        for (const [query, message] of REFUSED)
            it(`${query} is refused in profile ${profile}`, () => refuse(profile, `/groups.json?${encode(query)}`, message));
        it(`a filter that is no array is refused in profile ${profile}`, () =>
            refuse(profile, '/groups.json?filter=1', `Invalid query string. ${NO_ARRAY[profile][0]}`));
        it(`a contain that is no array is refused in profile ${profile}`, () =>
            refuse(profile, '/groups.json?contain=user', `Invalid query string. ${NO_ARRAY[profile][1]}`));
    }
});

describe('order', () => {
    const some = (groups) => groups.map(({ name }) => name).filter((name) => ['Red', 'Green', 'Blue'].includes(name));
    const ascending = ['Blue', 'Green', 'Red'];

    for (const query of ['order[]=Group.name', 'order[]=Group.name ASC', 'order=Group.name'])
        it(`${query} is by name in profile 2`, async () => assert.deepEqual(some(await list(2, query)), ascending));
    it('order[]=Group.name DESC is the other way round in profile 2', async () => {
        assert.deepEqual(some(await list(2, 'order[]=Group.name DESC')), [...ascending].reverse());
    });
    for (const text of ['name', 'Group.name asc', 'Group.name  ASC', 'Group.name DESC, Group.id', '', 'Group.Name'])
        it(`order[]=${text} is malformed in profile 2`, () =>
            refuse(2, `/groups.json?${encode(`order[]=${text}`)}`, `Invalid order. "${text}" is not a valid order.`));
    for (const text of ['Group.created', 'User.username DESC'])
        it(`order[]=${text} is not allowed in profile 2`, () =>
            refuse(
                2,
                `/groups.json?${encode(`order[]=${text}`)}`,
                `Invalid order. "${text}" is not in the list of allowed order.`,
            ));
    for (const query of ['order[]=Group.name DESC', 'order[]=nonsense', 'order=Group.name DESC'])
        it(`${query} is ignored in profile 5`, async () => assert.deepEqual(await list(5, query), await list(5, '')));
});

// --- a group ---

describe('a group', () => {
    for (const profile of [5, 2]) {
        const get = (path) => as(rosters[profile], 'mia').get(path);
        const about = { action: ACTION.view, title: 'app_groups_view_error' };

        for (const id of ['nonsense', '1', groupId(1).slice(1), `${groupId(1)}0`, VERSION_7, groupId(1).replaceAll('-', '')])
            it(`${id} is no id in profile ${profile}`, async () => {
                assertError(await get(`/groups/${id}.json`), 400, 'The group id is not valid.', about);
            });
        for (const [what, id] of [
            ['an unknown', groupId(99)],
            ['a deleted', groupId(50)],
            ['the nil', '00000000-0000-0000-0000-000000000000'],
        ])
            it(`${what} id is not found in profile ${profile}`, async () => {
                assertError(await get(`/groups/${id}.json`), 404, 'The group does not exist.', about);
            });
        it(`another organization's is not found in profile ${profile}`, async () => {
            const client = as(rosters[profile], 'uma');
            assertError(await client.get(`/groups/${groupId(1)}.json`), 404, 'The group does not exist.', about);
            assert.deepEqual(
                assertSuccess(await client.get('/groups.json')).map(({ name }) => name),
                smallWorld()
                    .filter(({ type, organizationId }) => type === 'group' && organizationId === 2)
                    .map(({ name }) => name),
            );
        });
    }
    it('is found by its id in capitals', async () => {
        const { body } = (await as(rosters[5], 'mia').get(`/groups/${groupId(1).toUpperCase()}.json`)).json;
        assert.equal(body.id, groupId(1));
    });
});

describe('the JSON text', () => {
    for (const [name, text] of NAMES)
        it(`of the name ${JSON.stringify(name)}`, async () => {
            const n = 100 + NAMES.findIndex(([other]) => other === name);
            const { text: body } = await as(rosters[5], 'mia').get(`/groups/${groupId(n)}.json`);
            assert.ok(body.includes(`"id":"${groupId(n)}","name":${text},"deleted":false,`), body);
            assert.ok((await as(rosters[5], 'mia').get('/groups.json')).text.includes(`"name":${text},`));
        });

    const URLS = [
        ["/groups.json?a='&b=c", '\\/groups.json?a=\\u0027\\u0026b=c'],
        ['/groups.json?contain[user]=1', '\\/groups.json?contain%5Buser%5D=1'],
        ['/groups.json?contain%5buser%5d=1', '\\/groups.json?contain%5buser%5d=1'],
        ['/groups.json?a="<>', '\\/groups.json?a=%22%3C%3E'],
        ['/groups.json?a=/?', '\\/groups.json?a=\\/?'],
        ['/groups.json', '\\/groups.json'],
    ];
    for (const [target, text] of URLS)
        it(`of the url ${target}`, async () => {
            const answer = await as(rosters[5], 'mia').get(target);
            assert.ok(answer.text.includes(`,"url":"${text}","code":200},`), answer.text.slice(0, 400));
        });
});

// --- requests ---

describe('a request', () => {
    const HTML = 'text/html; charset=UTF-8';

    it('without .json needs the Accept header', async () => {
        const client = as(rosters[5], 'mia');
        const both = await Promise.all([client.get('/groups'), client.get('/groups.json')]);
        const [plain, suffixed] = both.map((answer) => assertSuccess(answer, { action: ACTION.list }));
        assert.deepEqual(plain, suffixed);
        assertSuccess(await client.get(`/groups/${groupId(1)}`), { action: ACTION.view });
    });
    for (const accept of [null, 'text/html', '*/*', 'text/html,application/xhtml+xml,*/*;q=0.8'])
        for (const path of ['/groups', `/groups/${groupId(1)}`])
            it(`${path.slice(0, 8)} with Accept: ${accept} gets a page`, async () => {
                const answer = await as(rosters[5], 'mia').get(path, { headers: { Accept: accept } });
                assert.equal(answer.status, 404);
                assert.equal(answer.header('Content-Type'), HTML);
                assert.ok(answer.text.includes('Please use .json extension in URL or accept application/json.'));
            });
    it('with .json needs no Accept header', async () => {
        assertSuccess(await as(rosters[5], 'mia').get('/groups.json', { headers: { Accept: 'text/html' } }));
    });

    for (const version of ['v1', '1'])
        it(`api-version=${version} is refused in profile 5`, () =>
            refuse(5, `/groups.json?api-version=${version}`, 'API v1 support is deprecated in this version.'));
    for (const version of ['v2', '2', '', 'v3', 'V1'])
        it(`api-version=${version} is fine in profile 5`, async () => {
            assert.deepEqual(await list(5, `api-version=${version}`), await list(5, ''));
        });
    it('api-version=v2 is fine in profile 2', async () => {
        assert.deepEqual(await list(2, 'api-version=v2&contain[user]=1'), await list(2, 'contain[user]=1'));
    });

    for (const [method, path] of [
        ['GET', '/groups/a/b.json'],
        ['GET', '/groups/users/nonsense/more.json'],
        ['PATCH', '/groups.json'],
        ['DELETE', '/groups.json'],
        ['POST', `/groups/${groupId(1)}.json`],
        ['GET', `/groups/${groupId(1)}/dry-run.json`],
    ])
        for (const profile of [5, 2])
            it(`${method} ${path.replace(groupId(1), '{id}')} is not there in profile ${profile}`, async () => {
                const about = { action: '17b8a54b-8069-586a-8ca2-7e7569b28e08' };
                const title = 'app___error';
                const client = as(rosters[profile], 'ada');
                assertError(await client.request(method, path), 404, 'Not Found', { ...about, title });
            });
    it('HEAD is for the health check only', async () => {
        const client = as(rosters[5], 'mia');
        assert.equal((await client.request('HEAD', '/groups.json')).status, 404);
        const health = await client.request('HEAD', '/healthcheck/status.json');
        assert.deepEqual([health.status, health.text], [200, '']);
    });

    for (const path of ['/groups.json', `/groups/${groupId(1)}.json`, '/groups/nonsense.json'])
        for (const [profile, code, message] of [
            [5, 401, 'Authentication is required to continue'],
            [2, 403, 'You need to login to access this location.'],
        ])
            it(`${path.slice(0, 18)} of nobody is ${code} in profile ${profile}`, async () => {
                const action = path === '/groups.json' ? ACTION.list : ACTION.view;
                const title = `app_groups_${action === ACTION.list ? 'index' : 'view'}_error`;
                const answer = await new PassboltClient(rosters[profile]).get(path);
                assert.equal(assertError(answer, code, message, { action, title }), '');
            });

    it('with a session that is none is one of nobody', async () => {
        const answer = await new PassboltClient(rosters[5]).get('/groups.json', {
            headers: { Cookie: `passbolt_session=${'A'.repeat(43)}` },
        });
        assertError(answer, 401, 'Authentication is required to continue');
    });
});

// --- headers ---

describe('headers', () => {
    const CSP =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
        "base-uri 'self'; frame-src 'self'; frame-ancestors 'none'; form-action 'self' https://*.duosecurity.com";
    const SECURITY = {
        'x-permitted-cross-domain-policies': 'all',
        'referrer-policy': 'same-origin',
        'x-frame-options': 'deny',
        'x-download-options': 'noopen',
        'x-content-type-options': 'nosniff',
    };
    const GPGAUTH = {
        'X-GPGAuth-Version': '1.3.0',
        'X-GPGAuth-Login-URL': '/auth/login',
        'X-GPGAuth-Logout-URL': '/auth/logout',
        'X-GPGAuth-Verify-URL': '/auth/verify',
        'X-GPGAuth-Pubkey-URL': '/auth/verify.json',
    };
    const assertHeaders = (answer, expected) => {
        for (const [name, value] of Object.entries(expected)) assert.equal(answer.header(name), value, name);
    };
    const without = (headers) => Object.fromEntries(Object.keys(headers).map((name) => [name, undefined]));
    const NO_TLS = { 'strict-transport-security': undefined };

    for (const profile of [5, 2]) {
        it(`of success with a session in profile ${profile}`, async () => {
            const client = await logIn(rosters[profile], people.mia);
            const answer = await client.get('/groups.json');
            assertHeaders(answer, { 'Content-Security-Policy': CSP, ...SECURITY, ...GPGAUTH, ...NO_TLS });
            const exposed = answer.header('Access-Control-Expose-Headers').split(/, */);
            for (const name of ['Verify-Response', 'Progress', 'User-Auth-Token', 'Authenticated', 'Refer', 'Debug', 'Error'])
                assert.ok(exposed.includes(`X-GPGAuth-${name}`), name);
            assertHeaders(await client.get('/groups/nonsense.json'), {
                'Content-Security-Policy': CSP,
                ...without({ ...SECURITY, ...GPGAUTH }),
                ...NO_TLS,
            });
        });
        it(`of success with a token in profile ${profile}`, async () => {
            const answer = await as(rosters[profile], 'mia').get('/groups.json');
            assertHeaders(answer, { 'Content-Security-Policy': CSP, ...SECURITY, ...without(GPGAUTH) });
            assert.equal(answer.header('Access-Control-Expose-Headers'), undefined);
            assert.equal(answer.header('Set-Cookie'), undefined);
        });
        it(`of nobody in profile ${profile}`, async () => {
            const answer = await new PassboltClient(rosters[profile]).get('/groups.json');
            assertHeaders(answer, { 'Content-Security-Policy': CSP, ...without({ ...SECURITY, ...GPGAUTH }) });
        });
    }
});
