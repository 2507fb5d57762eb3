// The descriptions in openapi/: valid in themselves, and of exactly the routes that the server has. That every answer of every
// test fits them is checked by support/client.mjs.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Answer } from './support/client.mjs';
import { assertDescribed, descriptions, follow, METHODS, newAjv, prefixOf, withoutSuffix } from './support/openapi.mjs';
import { listRoutes } from './support/roster.mjs';

/* Everything in a document: [pointer, name of the member, value]. */
function* walk(value, pointer = '#', name = '') {
    yield [pointer, name, value];
    if (!value || typeof value !== 'object') return;
    for (const [key, item] of Object.entries(value))
        yield* walk(item, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, key);
}

const operationsOf = ({ document }) =>
    Object.entries(document.paths).flatMap(([pattern, item]) =>
        METHODS.filter((method) => item[method]).map((method) => ({ pattern, method, item, operation: item[method] })),
    );

/* Where schemas stand, and objects with a schema and examples of it. */
const SCHEMA = /^#\/components\/schemas\/[^/]+$|\/(parameters|headers|content)\/[^/]+\/schema$|\/x-roster-answers$/;
const media = (document) => [...walk(document)].filter(([pointer]) => /\/content\/[^/]+$/.test(pointer));
const examplesOf = ({ example, examples = {} }) => [
    ...(example === undefined ? [] : [example]),
    ...Object.values(examples).map(({ value }) => value),
];

for (const description of descriptions) {
    const { name, api, document, suffix } = description;

    describe(`openapi/${name}`, () => {
        const ajv = newAjv();
        const compile = (pointer) => ajv.compile({ $ref: encodeURI(name + pointer) });

        it('is OpenAPI 3.1 and says of which API it is', () => {
            assert.match(document.openapi, /^3\.1\.\d+$/);
            assert.ok(document.info.title && document.info.version && document.info.description);
            assert.equal(name, `${api}.json`);
        });
        it('what is referred to is there', () => {
            for (const [pointer, key, value] of walk(document))
                if (key === '$ref') assert.ok(value.startsWith('#/') && follow(document, value), `${pointer} refers to ${value}`);
        });
        it('what is there is referred to', () => {
            const used = new Set([...walk(document)].filter(([, key]) => key === '$ref').map(([, , value]) => value));
            for (const [kind, members] of Object.entries(document.components))
                for (const member of Object.keys(members).filter(() => kind !== 'securitySchemes'))
                    assert.ok(used.has(`#/components/${kind}/${member}`), `nothing refers to ${kind}/${member}`);
        });
        it('every schema is valid, and has no keyword that JSON Schema 2020-12 does not know', () => {
            const schemas = [...walk(document)].filter(([pointer]) => SCHEMA.test(pointer));
            assert.ok(schemas.length >= 5);
            for (const [pointer, , schema] of schemas) {
                assert.ok(ajv.validateSchema(schema), `${pointer}: ${ajv.errorsText()}`);
                assert.doesNotThrow(() => compile(pointer), pointer);
            }
        });
        it('every object in an answer tells all its members', () => {
            for (const [pointer, , schema] of walk(document.components.responses, '#/components/responses'))
                if (schema?.type === 'object' && schema.properties)
                    assert.ok(schema.additionalProperties === false || pointer.includes('/allOf/'), pointer);
        });
        it('every example is one', () => {
            let count = 0;
            for (const [pointer, , value] of media(document)) {
                for (const example of examplesOf(value)) {
                    const validate = compile(`${pointer}/schema`);
                    assert.ok(validate(example), `${pointer}: ${ajv.errorsText(validate.errors)}`);
                    count++;
                }
            }
            assert.ok(count >= 5);
        });
        it('every answer in JSON has an example', () => {
            for (const [pointer, , value] of media(document))
                if (pointer.startsWith('#/components/responses/') && pointer.includes('json'))
                    assert.ok(examplesOf(value).length, pointer);
        });
        it('operations have names of their own, and the parts of their paths are described', () => {
            const names = operationsOf(description).map(({ operation }) => operation.operationId);
            assert.equal(new Set(names).size, names.length);
            for (const { pattern, method, item, operation } of operationsOf(description)) {
                const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])]
                    .map((parameter) => (parameter.$ref ? follow(document, parameter.$ref) : parameter))
                    .filter((parameter) => parameter.in === 'path');
                assert.deepEqual(
                    parameters.map((parameter) => `{${parameter.name}}`),
                    pattern.match(/\{\w+\}/g) ?? [],
                    `${method} ${pattern}`,
                );
                assert.ok(prefixOf(description, pattern) && pattern.endsWith(suffix), pattern);
            }
        });
        it('security asks for what is defined', () => {
            const known = Object.keys(document.components.securitySchemes ?? {});
            const asked = [document, ...operationsOf(description).map(({ operation }) => operation)].flatMap(
                ({ security = [] }) => security,
            );
            assert.deepEqual([...new Set(asked.flatMap((one) => Object.keys(one)))].sort(), known.sort());
        });
    });
}

describe('the routes of the server', async () => {
    const routes = await listRoutes();
    const described = descriptions.flatMap((description) =>
        operationsOf(description).map(({ pattern, method, operation }) => ({
            api: description.api,
            method: method.toUpperCase(),
            pattern: withoutSuffix(pattern, description.suffix),
            isPublic: (operation.security ?? description.document.security)?.length === 0,
            types: operation.requestBody ? Object.keys(operation.requestBody.content) : null,
            prefix: prefixOf(description, pattern),
        })),
    );
    const key = ({ api, method, pattern }) => `${api} ${method} ${pattern}`;
    const own = described.filter(({ method }) => method !== 'OPTIONS');

    it('are what is described, in both directions', () => assert.deepEqual(own.map(key).sort(), routes.map(key).sort()));
    it('each have OPTIONS, which the server answers by itself', () => {
        const preflights = described.filter(({ method }) => method === 'OPTIONS');
        assert.deepEqual(new Set(preflights.map(({ pattern }) => pattern)), new Set(own.map(({ pattern }) => pattern)));
        assert.ok(preflights.every(({ isPublic }) => isPublic));
    });
    for (const route of routes) {
        it(`${route.method} ${route.pattern}: credential, body and prefix are as described`, () => {
            const { isPublic, types, prefix } = own.find((one) => key(one) === key(route)) ?? assert.fail('not described');
            assert.equal(isPublic, route.public);
            assert.equal(prefix, route.prefix);
            assert.deepEqual(types && [...types].sort(), route.body ? [...(route.types ?? ['*/*'])].sort() : null);
        });
    }
});

describe('an answer that is not described is noticed', () => {
    const GROUP = { id: 1, organizationId: 1, name: 'Red', description: '', dateCreated: '2026-03-10T09:32:05Z', users: [] };
    const ERROR = { message: 'No', code: 'UserGroupNotFound', errorMessage: 'No', errorCode: 'UserGroupNotFound' };
    const JSON_TYPE = ['Content-Type', 'application/json'];
    const SEEN = ['Roster-Version', '7'];
    const answer = (status, body, headers = [...JSON_TYPE, ...SEEN]) =>
        new Answer(status, headers, body === undefined ? '' : JSON.stringify(body));
    const one = (body) => ['GET', '/v1/user-groups/1', answer(200, body)];
    const CASES = {
        'fits': [...one(GROUP), null],
        'an error that fits': ['GET', '/v1/user-groups/1', answer(404, ERROR), null],
        'a member that is not known': [...one({ ...GROUP, colour: 'red' }), /additional properties/],
        'a member is missing': [...one({ ...GROUP, users: undefined }), /'users'/],
        'null for what is not set': [...one({ ...GROUP, remarks: null }), /remarks must be string/],
        'a date in another form': [
            ...one({ ...GROUP, dateCreated: '2026-03-10T09:32:05.100Z' }),
            /dateCreated must match pattern/,
        ],
        'no JSON': ['GET', '/v1/user-groups/1', new Answer(200, [...JSON_TYPE, ...SEEN], '{'), /JSON/],
        'another code': [
            'GET',
            '/v1/user-groups/1',
            answer(404, { ...ERROR, code: 'NotFound', errorCode: 'NotFound' }),
            /code must be equal/,
        ],
        'another status': ['GET', '/v1/user-groups/1', answer(201, GROUP), /does not have/],
        'a status of another operation': ['GET', '/v1/user-groups', answer(404, ERROR), /does not have/],
        'another content type': [
            'GET',
            '/v1/user-groups/1',
            answer(200, GROUP, ['Content-Type', 'text/plain', ...SEEN]),
            /Content-Type/,
        ],
        'no content type': ['GET', '/v1/user-groups/1', answer(200, GROUP, SEEN), /Content-Type/],
        'no version': ['GET', '/v1/user-groups/1', answer(200, GROUP, JSON_TYPE), /no Roster-Version/],
        'a version that is no number': [
            'GET',
            '/v1/user-groups/1',
            answer(200, GROUP, [...JSON_TYPE, 'Roster-Version', '-1']),
            /Roster-Version: /,
        ],
        'an error after nothing was looked at': ['GET', '/v1/user-groups/1', answer(404, ERROR, JSON_TYPE), null],
        'a version for a stranger': [
            'OPTIONS',
            '/v1/user-groups/1',
            answer(200, undefined, ['Allow', 'GET, OPTIONS', ...SEEN]),
            /Roster-Version, which is not described/,
        ],
        'a header is missing': ['OPTIONS', '/v1/user-groups/1', answer(200, undefined, []), /no Allow/],
        'a header that is no list of methods': [
            'OPTIONS',
            '/v1/user-groups/1',
            answer(200, undefined, ['Allow', 'get']),
            /Allow: /,
        ],
        'a body where there is none': [
            'OPTIONS',
            '/v1/user-groups/1',
            answer(200, {}, ['Allow', 'GET, OPTIONS', ...JSON_TYPE]),
            /no body/,
        ],
        'a path of no API in the form of one': ['GET', '/v2/user-groups', answer(404, ERROR), /system\.json/],
        'success for a method that is not there': ['PATCH', '/v1/user-groups/1', answer(200, GROUP), /does not have/],
        'not found for a method that is not there': ['PATCH', '/v1/user-groups/1', answer(404, ERROR), /does not have/],
        'success for a path that is not there': ['GET', '/v1/user-groups/1/2/3', answer(200, GROUP), /does not have/],
    };
    for (const [what, [method, path, given, expected]] of Object.entries(CASES)) {
        it(what, () => {
            if (expected) assert.throws(() => assertDescribed(method, path, undefined, given), expected);
            else assertDescribed(method, path, undefined, given);
        });
    }
    it('a request that was taken and is not described', () => {
        const taken = (target, content) => () => assertDescribed('POST', target, content, answer(200, 7));
        taken('/v1/user-groups?organizationId=1', '{"name":"New","more":1}')();
        assert.throws(taken('/v1/user-groups?organizationId=x', '{"name":"New"}'), /organizationId=x/);
        assert.throws(taken('/v1/user-groups', '{"name":7}'), /name must be string/);
        assert.throws(taken('/v1/user-groups', '{}'), /'name'/);
    });
});

describe('what OpenAPI has no words for', () => {
    const ACTION = { list: '3cffe6ef-ea4c-5bc3-869b-945f26e2601a', none: '17b8a54b-8069-586a-8ca2-7e7569b28e08' };
    const JSON_TYPE = ['Content-Type', 'application/json'];
    const HTML_TYPE = ['Content-Type', 'text/html; charset=UTF-8'];
    const { document } = descriptions.find(({ api }) => api === 'passbolt');
    const policy = ['Content-Security-Policy', document.components.headers.ContentSecurityPolicy.schema.const];
    const security = ['X-Permitted-Cross-Domain-Policies', 'all', 'Referrer-Policy', 'same-origin', 'X-Frame-Options', 'deny'];
    const DONE = [...policy, ...security, 'X-Download-Options', 'noopen', 'X-Content-Type-Options', 'nosniff'];
    const PAGE = document.components.responses.NotForJson.content[HTML_TYPE[1]].example;
    const SEEN = ['Roster-Version', '7'];
    const ALLOW = ['Allow', 'GET, POST, OPTIONS'];
    const CSRF = ['Set-Cookie', `csrfToken=${'0f'.repeat(64)}; path=/`];
    const SESSION = ['Set-Cookie', `passbolt_session=${'a'.repeat(43)}; path=/; samesite=Lax; httponly`];

    const envelope = (body, header) => ({
        header: {
            id: 'f5f4aceb-6919-4b7d-8b33-2c22f463192d',
            status: header.code < 300 ? 'success' : 'error',
            servertime: 1554983137,
            ...(header.title && { title: header.title }),
            action: ACTION.list,
            message: 'The operation was successful.',
            url: '/groups.json',
            ...header,
        },
        body,
    });
    const done = (body, header, more = []) =>
        new Answer(200, [...JSON_TYPE, ...DONE, ...SEEN, ...more], JSON.stringify(envelope(body, { code: 200, ...header })));
    const failed = (code, message, header, more = []) =>
        new Answer(code, [...JSON_TYPE, ...policy, ...more], JSON.stringify(envelope('', { code, message, ...header })));
    const page = new Answer(404, [...HTML_TYPE, ...policy], PAGE);
    const noRoute = (more) => failed(404, 'Not Found', { action: ACTION.none }, more);
    const NOT_IN = ['Authentication is required to continue', 'You need to login to access this location.'];

    const id = 'd57c10f5-639d-5160-9c81-8a0c6c4ec856';
    const created = '2019-04-04T12:05:44+00:00';
    const group = { id, name: 'Red', deleted: false, created, modified: created, created_by: id, modified_by: id };
    const join = { id, group_id: id, user_id: id, is_admin: true, created };
    const user = { id, role_id: 'a58de6d3-f52c-5080-b79b-a601a647ac85', username: 'mia', active: true, deleted: false };
    const user5 = { ...user, disabled: null, last_logged_in: null, created, modified: created, _joinData: join };
    const user2 = { ...user, created, modified: created, _joinData: join, last_logged_in: '' };
    const PROFILE_2 = { title: 'app_groups_index_success' };

    const CASES = {
        'a path with its suffix': ['GET', '/groups.json', done([]), null],
        'a path without it': ['GET', '/groups', done([]), null],
        'a page for a path without it': ['GET', '/groups', page, null],
        'a page for a path with it': ['GET', '/groups.json', page, /does not have/],
        'a page with another text': ['GET', '/groups', new Answer(404, [...HTML_TYPE, ...policy], '<p>'), /must match pattern/],
        'a page of another type': ['GET', '/groups', new Answer(404, [...JSON_TYPE, ...policy], PAGE), /Content-Type/],
        'a path under another prefix': ['GET', '/resources.json', done([], { action: ACTION.list }), /action/],
        'a path that only begins like a prefix': ['GET', '/groupset.json', noRoute(), /system\.json/],
        'a path that is not there': ['GET', '/groups/1/2.json', noRoute(), null],
        'the suffix alone': ['GET', '/groups/.json', noRoute(), null],
        'a method that is not there': ['PATCH', '/groups.json', noRoute(ALLOW), null],
        'a method that is not there, without Allow': ['PATCH', '/groups.json', noRoute(), /no Allow/],
        'a header that belongs to another answer': ['GET', '/groups/1/2.json', noRoute(ALLOW), /Allow, which is not described/],
        'a cookie': ['GET', '/groups.json', done([], {}, CSRF), null],
        'a cookie in another form': ['GET', '/groups.json', done([], {}, ['Set-Cookie', 'csrfToken=1; path=/']), /Set-Cookie: /],
        'a second cookie, of another answer': ['GET', '/groups.json', done([], {}, [...CSRF, ...SESSION]), /Set-Cookie: /],
        'a cookie where there is none': ['GET', '/groups.json', failed(401, NOT_IN[0], {}, CSRF), /Set-Cookie, which is not/],
        'the action of another operation': ['GET', '/groups.json', done([], { action: ACTION.none }), /action must be equal/],
        'an error with the action of another operation': [
            'GET',
            '/groups.json',
            failed(401, NOT_IN[0], { action: ACTION.none }),
            /action must be equal/,
        ],
        'who is not logged in': ['GET', '/groups.json', failed(401, NOT_IN[0]), null],
        'the same in profile 2': ['GET', '/groups.json', failed(403, NOT_IN[1], { title: 'app_groups_index_error' }), null],
        '401 in profile 2': ['GET', '/groups.json', failed(401, NOT_IN[0], { title: 'app_groups_index_error' }), /title/],
        'users': ['GET', '/groups.json', done([{ ...group, users: [user5] }]), null],
        'users in profile 2': ['GET', '/groups.json', done([{ ...group, users: [user2] }], PROFILE_2), null],
        'users of profile 5 in profile 2': [
            'GET',
            '/groups.json',
            done([{ ...group, users: [user5] }], PROFILE_2),
            /last_logged_in/,
        ],
        'users of profile 2 in profile 5': ['GET', '/groups.json', done([{ ...group, users: [user2] }]), /'disabled'/],
        'a member that is not known': ['GET', '/groups.json', done([{ ...group, colour: 'red' }]), /additional properties/],
    };
    for (const [what, [method, path, given, expected]] of Object.entries(CASES)) {
        it(what, () => {
            if (expected) assert.throws(() => assertDescribed(method, path, undefined, given), expected);
            else assertDescribed(method, path, undefined, given);
        });
    }

    /* What is wrong with groups_users in an answer to PUT. */
    const ofMembers = (groups_users) => {
        const header = { code: 400, message: 'Could not validate group data.', action: '3303ccc6-778b-55b7-b06e-0c06d756217d' };
        const text = JSON.stringify(envelope({ groups_users }, header));
        return () => assertDescribed('PUT', `/groups/${id}.json`, '{}', new Answer(400, [...JSON_TYPE, ...policy], text));
    };
    it('problems of members are an array or an object', () => {
        const problem = { id: { exists: 'Cannot find the group user.' } };
        ofMembers([problem])();
        ofMembers({ 1: problem })();
        ofMembers({ 0: problem, 2: problem })();
        assert.throws(ofMembers({ 0: problem }), /groups_users/);
        assert.throws(ofMembers([]), /groups_users/);
        assert.throws(ofMembers([{ id: { exists: 'No.' } }]), /groups_users/);
    });
    it('of a parameter that is sent twice the last counts', () => {
        const taken = (query) => () => assertDescribed('GET', `/groups.json?${query}`, undefined, done([]));
        taken('contain[user]=2&contain%5Buser%5D=TRUE')();
        taken(`filter[has-users]=${id},${id}&filter[has-users][]=${id}`)();
        assert.throws(taken('contain[user]=1&contain[user]=2'), /contain\[user\]=2/);
        assert.throws(taken(`filter[has-users][]=${id}&filter[has-users][]=7`), /has-users/);
    });
    it('a body that need not be there', () => {
        const action = '97f3b758-d327-5be8-a6d8-44e52ff9d450';
        const tried = done({ 'dry-run': { SecretsNeeded: [], Secrets: [] } }, { action });
        const taken = (content) => () => assertDescribed('PUT', `/groups/${id}/dry-run.json`, content, tried);
        for (const content of [undefined, '', '{}', '[]', '7', '{"groups_users":{"x":{"user":{}}}}']) taken(content)();
        assert.throws(taken('null'), /does not describe that request/);
        assert.throws(taken('{"groups_users":[{"is_admin":2}]}'), /does not describe that request/);
    });
});
