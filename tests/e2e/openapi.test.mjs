// The descriptions in openapi/: valid in themselves, and of exactly the routes that the server has. That every answer of every
// test fits them is checked by support/client.mjs.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Answer } from './support/client.mjs';
import { assertDescribed, descriptions, follow, METHODS, newAjv } from './support/openapi.mjs';
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
const SCHEMA = /^#\/components\/schemas\/[^/]+$|\/(parameters|headers|content)\/[^/]+\/schema$/;
const media = (document) => [...walk(document)].filter(([pointer]) => /\/content\/[^/]+$/.test(pointer));
const examplesOf = ({ example, examples = {} }) => [
    ...(example === undefined ? [] : [example]),
    ...Object.values(examples).map(({ value }) => value),
];

for (const description of descriptions) {
    const { name, api, document, prefix } = description;

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
                assert.ok(prefix === '/' || pattern === prefix || pattern.startsWith(`${prefix}/`), pattern);
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
            pattern,
            isPublic: (operation.security ?? description.document.security)?.length === 0,
            types: operation.requestBody ? Object.keys(operation.requestBody.content) : null,
            prefix: description.prefix,
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
    const answer = (status, body, headers = JSON_TYPE) =>
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
        'no JSON': ['GET', '/v1/user-groups/1', new Answer(200, JSON_TYPE, '{'), /JSON/],
        'another code': [
            'GET',
            '/v1/user-groups/1',
            answer(404, { ...ERROR, code: 'NotFound', errorCode: 'NotFound' }),
            /code must be equal/,
        ],
        'another status': ['GET', '/v1/user-groups/1', answer(201, GROUP), /does not have/],
        'a status of another operation': ['GET', '/v1/user-groups', answer(404, ERROR), /does not have/],
        'another content type': ['GET', '/v1/user-groups/1', answer(200, GROUP, ['Content-Type', 'text/plain']), /Content-Type/],
        'no content type': ['GET', '/v1/user-groups/1', answer(200, GROUP, []), /Content-Type/],
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
